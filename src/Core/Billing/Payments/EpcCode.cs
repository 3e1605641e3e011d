using System.Globalization;
using System.Text;

namespace ControlPlane.Billing.Payments;

/// <summary>The text of a QR code with which banking apps fill a transfer in: EPC069-12, version 2, UTF-8.</summary>
public static class EpcCode
{
    const int MaximumHolder = 70;
    const int MaximumReference = 140;

    /// <param name="amount">EUR, from 0.01 to 999,999,999.99.</param>
    /// <param name="reference">What the customer enters as the reason of the transfer.</param>
    /// <returns>null: the amount cannot be transferred so.</returns>
    public static string? Of(string holder, string iban, string? bic, decimal amount, string reference) => amount is < 0.01m or > 999_999_999.99m
        ? null
        : string.Join('\n',
            "BCD", "002", "1", "SCT", bic ?? "", Line(holder, MaximumHolder), iban.Replace(" ", "", StringComparison.Ordinal),
            string.Create(CultureInfo.InvariantCulture, $"EUR{amount:0.00}"), "", "", Line(reference, MaximumReference));

    // A line break would begin the next field.
    static string Line(string text, int length) => string.Concat(text.EnumerateRunes().Where(rune => !Rune.IsControl(rune)).Take(length));
}
