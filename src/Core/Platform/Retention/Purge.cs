namespace ControlPlane.Platform.Retention;

/// <summary>Deletes what has expired of one table. Each module declares those of its own tables.</summary>
/// <param name="Data">Sets how old a row becomes.</param>
/// <param name="Counter">What the rows are called in the job's report.</param>
/// <param name="Sql">Deletes, or clears of the data, at most <c>$2</c> rows that were last needed before <c>$1</c>.</param>
/// <param name="IsRealTime">Whether the times in the table are real ones, also in a sandbox.</param>
public sealed record Purge(RetentionClass Data, string Counter, string Sql, bool IsRealTime = false);
