using System.Globalization;

namespace ControlPlane.Web.Shared;

/// <summary>Formats numbers, money and times on every page, independent of the server's culture.</summary>
static class Format
{
    /// <summary>1,234,567.</summary>
    public static string Count(long count) => count.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>Short enough for an axis: 950, 1.5k, 20k, 3M.</summary>
    public static string Short(long count) => count switch
    {
        >= 1_000_000_000 => Scaled(count, 1_000_000_000, "bn"),
        >= 1_000_000 => Scaled(count, 1_000_000, "M"),
        >= 1_000 => Scaled(count, 1_000, "k"),
        _ => Count(count),
    };

    /// <summary>€9.90; cents, half away from zero, as on the invoice.</summary>
    public static string Euro(decimal amount)
    {
        var cents = Math.Round(amount, 2, MidpointRounding.AwayFromZero);
        return (cents < 0 ? "−€" : "€") + Math.Abs(cents).ToString("N2", CultureInfo.InvariantCulture);
    }

    /// <summary>A price per 1,000 tokens or month: €0.0035, at least two decimals.</summary>
    public static string Price(decimal amount) => "€" + amount.ToString("#,##0.00####", CultureInfo.InvariantCulture);

    /// <summary>An invoice line's quantity, without trailing zeros.</summary>
    public static string Quantity(decimal quantity) => quantity.ToString("#,##0.######", CultureInfo.InvariantCulture);

    /// <summary>1 Mar 2026.</summary>
    public static string Day(DateOnly day) => day.ToString("d MMM yyyy", CultureInfo.InvariantCulture);

    /// <summary>1 Mar.</summary>
    public static string ShortDay(DateOnly day) => day.ToString("d MMM", CultureInfo.InvariantCulture);

    /// <summary>1 Mar 2026, 09:05 UTC.</summary>
    public static string Instant(DateTimeOffset at) => at.UtcDateTime.ToString("d MMM yyyy, HH:mm 'UTC'", CultureInfo.InvariantCulture);

    /// <summary>For the <c>datetime</c> attribute.</summary>
    public static string Machine(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>past_due → past due.</summary>
    public static string Label(string code) => code.Replace('_', ' ');

    static string Scaled(long count, long unit, string suffix) =>
        (count / (decimal)unit).ToString("0.#", CultureInfo.InvariantCulture) + suffix;
}
