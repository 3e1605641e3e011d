namespace ControlPlane.Benchmarks;

/// <summary>Something that is measured, and what it is held against in the same run.</summary>
abstract class Measure
{
    public abstract string What { get; }
    public abstract string Baseline { get; }
    /// <summary>Of both numbers: events/s, ms or MB.</summary>
    public abstract string Unit { get; }
    /// <summary>Of ours / baseline; for memory of ours - baseline. null where the number only explains another.</summary>
    public abstract double? Target { get; }
    public virtual bool HigherIsBetter => false;
    /// <summary>null: as many as were asked for.</summary>
    public virtual int? Rounds => null;

    public virtual Task PrepareAsync(CancellationToken ct) => Task.CompletedTask;
    public abstract Task<double> BaselineAsync(CancellationToken ct);
    public abstract Task<double> OursAsync(CancellationToken ct);
}

/// <summary>The rounds of one measure.</summary>
sealed record Result(string Name, string What, string BaselineIs, string Unit, double? Target, bool HigherIsBetter)
{
    readonly List<(double Baseline, double Ours)> _rounds = [];

    public bool IsDifference => Unit == "MB";
    public string LastRound => $"{Shown(_rounds[^1].Ours)} against {Shown(_rounds[^1].Baseline)} {Unit}";
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

    public static FormattableString Shown(double value) => value >= 100 ? $"{value:N0}" : (FormattableString)$"{value:0.00}";
}
