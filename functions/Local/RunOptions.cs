namespace ControlPlane.Local;

/// <summary>The options of <c>./run</c>, whatever its subcommand.</summary>
/// <param name="Data">Folder of the installation.</param>
/// <param name="Database">Npgsql connection string; null: an embedded PostgreSQL in the data folder.</param>
/// <param name="Clock">Time of the sandbox clock at start; null: where it was.</param>
public sealed record RunOptions(int Port, string Data, bool Sandbox, string? Database, DateTimeOffset? Clock);
