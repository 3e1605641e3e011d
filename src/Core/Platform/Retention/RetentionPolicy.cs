using System.Globalization;

namespace ControlPlane.Platform.Retention;

/// <summary>How long each class of data is kept on this installation.</summary>
public sealed class RetentionPolicy
{
    const int MaximumDays = 36_500;

    readonly Dictionary<RetentionClass, int> _days = RetentionClasses.All.ToDictionary(data => data, data => data.DefaultDays);

    RetentionPolicy()
    {
    }

    public static RetentionPolicy Default { get; } = new();

    public TimeSpan this[RetentionClass data] => TimeSpan.FromDays(_days[data]);

    /// <param name="text">Such as <c>mail=14d,usage=730d</c>. Classes that are not named keep their default.</param>
    /// <exception cref="FormatException">The message says what to write instead.</exception>
    public static RetentionPolicy Parse(string text)
    {
        var policy = new RetentionPolicy();
        var seen = new HashSet<RetentionClass>();
        foreach (var entry in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var (data, days) = ParseEntry(entry);
            policy._days[data] = seen.Add(data) ? days : throw new FormatException($"{data.Name} is there twice.");
        }

        return policy;
    }

    static (RetentionClass Data, int Days) ParseEntry(string entry)
    {
        var parts = entry.Split('=', StringSplitOptions.TrimEntries);
        if (parts.Length != 2)
        {
            throw new FormatException($"\"{entry}\" is not a class with its days, such as mail=30d.");
        }

        var data = RetentionClasses.All.FirstOrDefault(known => known.Name == parts[0]) ?? throw new FormatException(
            $"there is no class \"{parts[0]}\" of data that is deleted. The classes are {string.Join(", ", RetentionClasses.All.Select(known => known.Name))}; "
            + "invoices, billing periods, daily sums of usage and the audit log are always kept.");
        return int.TryParse(parts[1].TrimEnd('d'), NumberStyles.None, CultureInfo.InvariantCulture, out var days)
            && parts[1].EndsWith('d') && days >= data.MinimumDays && days <= MaximumDays
            ? (data, days)
            : throw new FormatException($"{data.Name} is \"{parts[1]}\": enter days from {data.MinimumDays}d to {MaximumDays}d.");
    }
}
