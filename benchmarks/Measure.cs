namespace ControlPlane.Benchmarks;

/// <summary>A measure of our own code and a baseline, taken in the same run.</summary>
abstract class Measure
{
    public abstract string Description { get; }
    public abstract string Baseline { get; }
    /// <summary>Unit of both values: events/s, requests/s, ms or MB.</summary>
    public abstract string Unit { get; }
    /// <summary>Target for ours / baseline, or for memory ours - baseline. null: the measure only explains another one.</summary>
    public abstract double? Target { get; }
    public virtual bool HigherIsBetter => false;
    /// <summary>null: as many as <see cref="BenchOptions.Rounds"/>.</summary>
    public virtual int? Rounds => null;

    public virtual Task PrepareAsync(CancellationToken ct) => Task.CompletedTask;
    public abstract Task<double> BaselineAsync(CancellationToken ct);
    public abstract Task<double> OursAsync(CancellationToken ct);
}

/// <summary>The rounds of one measure.</summary>
sealed record Result(string Name, string Description, string BaselineDescription, string Unit, double? Target, bool HigherIsBetter)
{
    readonly List<(double Baseline, double Ours)> _rounds = [];

    public bool IsDifference => Unit == "MB";
    public string LastRound => $"{Format(_rounds[^1].Ours)} against {Format(_rounds[^1].Baseline)} {Unit}";
    public IReadOnlyList<double> Ours => [.. _rounds.Select(r => r.Ours)];
    public IReadOnlyList<double> Baseline => [.. _rounds.Select(r => r.Baseline)];
    public IReadOnlyList<double> Ratios => [.. _rounds.Select(r => IsDifference ? r.Ours - r.Baseline : r.Ours / r.Baseline)];
    public bool? IsMet => Target is not { } target ? null : HigherIsBetter ? Median(Ratios) >= target : Median(Ratios) <= target;

    public void Add(double baseline, double ours) => _rounds.Add((baseline, ours));

    public static double Median(IReadOnlyList<double> values)
    {
        var sorted = values.Order().ToList();
        return (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
    }

    public static FormattableString Format(double value) => value >= 100 ? $"{value:N0}" : (FormattableString)$"{value:0.00}";
}
