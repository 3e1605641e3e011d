using System.Globalization;

namespace ControlPlane.Demo.Months;

/// <summary>Whether the platform's books balance, and agree with the demo's own. Pure.</summary>
public static class BooksCheck
{
    /// <summary>Of the seller's country: no customer of the demo has a VAT id.</summary>
    const decimal TaxRate = 0.19m;

    /// <returns>One sentence per difference.</returns>
    public static List<string> Differences(MonthsCustomer customer, ExpectedBills books, MonthsRecords platform, int months)
    {
        var differences = new List<string>();
        Same("tokens on all invoices and since", books.Tokens, platform.Invoices.Sum(invoice => invoice.Tokens) + platform.Unbilled);
        foreach (var period in Enumerable.Range(1, months))
        {
            var found = platform.Invoices.Where(invoice => invoice.Period == period).ToList();
            Same($"invoices of month {period}", books.Of(period) is null ? 0 : 1, found.Count);
            if (books.Of(period) is not { } expected || found.Count != 1)
            {
                continue;
            }

            var invoice = found[0];
            Same($"{invoice.Number}, tokens", expected.Tokens, invoice.Tokens);
            Same($"{invoice.Number}, tokens of its lines", expected.Tokens, invoice.LineTokens);
            Same($"{invoice.Number}, base charge", expected.Base, invoice.Base);
            Same($"{invoice.Number}, overage", expected.Overage, invoice.Overage);
            Same($"{invoice.Number}, sum of its lines", expected.Net, invoice.Lines);
            Same($"{invoice.Number}, tax", Math.Round(expected.Net * TaxRate, 2, MidpointRounding.AwayFromZero), invoice.Tax);
            Same($"{invoice.Number}, total", invoice.Net + invoice.Tax, invoice.Total);
            Same($"{invoice.Number}, payments", invoice.Status == "paid" ? invoice.Total : 0, invoice.Paid);
            Same($"{invoice.Number}, open", invoice.Status == "paid" ? 0 : invoice.Total, invoice.Open);
        }

        return differences;

        void Same<T>(string what, T expected, T actual)
            where T : IEquatable<T>
        {
            if (!expected.Equals(actual))
            {
                differences.Add(string.Create(CultureInfo.InvariantCulture, $"{customer.Tenant.Organization}, {what}: expected {expected}, the platform reports {actual}"));
            }
        }
    }

    /// <returns>One sentence for each number that is missing or was given twice.</returns>
    public static IEnumerable<string> Gaps(IReadOnlyList<string> numbers) => numbers.Index()
        .Where(invoice => invoice.Item != string.Create(CultureInfo.InvariantCulture, $"INV-{invoice.Index + 1:000000}"))
        .Select(invoice => string.Create(CultureInfo.InvariantCulture, $"Invoice {invoice.Index + 1} has the number {invoice.Item}"));

    /// <summary>Each invoice was mailed once.</summary>
    public static IEnumerable<string> Unmailed(MonthsCustomer customer, MonthsRecords platform, IReadOnlyList<ReceivedMail> mails) =>
        from invoice in platform.Invoices
        let sent = mails.Count(mail => mail.To == customer.Tenant.Email && IsOf(mail, invoice.Number))
        where sent != 1
        select $"{invoice.Number} was mailed {sent} times";

    static bool IsOf(ReceivedMail mail, string number) =>
        mail.Subject.StartsWith($"Rechnung {number}:", StringComparison.Ordinal) || mail.Subject.StartsWith($"Invoice {number}:", StringComparison.Ordinal);
}
