using System.Globalization;

namespace ControlPlane.Billing.Pdf;

/// <summary>Formats the dates and numbers of an invoice: in English, whatever the machine's culture.</summary>
public static class InvoiceText
{
    /// <summary>For example <c>31 January 2026</c>.</summary>
    public static string Day(DateOnly day) => day.ToString("d MMMM yyyy", CultureInfo.InvariantCulture);

    /// <summary>First and last day; for example <c>1 January 2026 to 31 January 2026</c>.</summary>
    /// <param name="end">Exclusive.</param>
    public static string Period(DateOnly start, DateOnly end) => $"{Day(start)} to {Day(end.AddDays(-1))}";

    /// <summary>With thousands separators and all decimals, at least two; for example <c>1,234.50</c> or <c>0.0025</c>.</summary>
    public static string Amount(decimal amount) => amount.ToString($"#,##0.00{new string('#', 26)}", CultureInfo.InvariantCulture);

    /// <summary>For example <c>350,000 tokens</c>, <c>350 × 1,000 tokens</c> or <c>1 month</c>.</summary>
    public static string Quantity(decimal? quantity, string? unit)
    {
        var number = quantity?.ToString($"#,##0.{new string('#', 28)}", CultureInfo.InvariantCulture) ?? "";
        return unit switch
        {
            null or "" => number,
            [>= '0' and <= '9', ..] when number != "" => $"{number} × {unit}",
            _ => $"{number} {unit}".Trim(),
        };
    }
}
