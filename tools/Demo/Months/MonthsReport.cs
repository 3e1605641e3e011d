using System.Globalization;
using System.Text.RegularExpressions;
using Spectre.Console;

namespace ControlPlane.Demo.Months;

/// <summary>A table per customer: its months with invoices, amounts, stages and mails.</summary>
sealed partial class MonthsReport(IAnsiConsole console, DateTimeOffset start, int months)
{
    public void Print(MonthsAccount account, MonthsRecords platform, IReadOnlyList<ReceivedMail> mails)
    {
        var customer = account.Customer;
        var alerts = mails.Count(mail => mail.To == customer.Tenant.Email && IsAlert(mail));
        var own = mails.Where(mail => mail.To == customer.Tenant.Email && !IsAlert(mail)).ToList();
        var table = DemoTables.New(
            $"{customer.Tenant.Organization}: {customer.Story}", "Month", "Plan", "Tokens", "Invoice", "Base", "Overage", "Tax", "Total", "Open", "Stages", "Mails");
        foreach (var month in Enumerable.Range(1, months))
        {
            var (from, to) = (start.AddMonths(month - 1), start.AddMonths(month));
            var received = own.LongCount(mail => mail.At >= from && mail.At < to);
            var stages = string.Join(", ", platform.Stages.Where(stage => stage.Period == month).Select(stage => $"{stage.Name.Replace('_', ' ')} {Day(stage.At)}"));
            var name = from.ToString("MMMM", CultureInfo.InvariantCulture);
            if (platform.Invoices.FirstOrDefault(invoice => invoice.Period == month) is { } invoice)
            {
                DemoTables.AddRow(
                    table, name, invoice.Plan, invoice.Tokens, invoice.Number, invoice.Base, invoice.Overage, invoice.Tax, invoice.Total, invoice.Open,
                    stages.Length > 0 ? stages : "invoiced", received);
            }
            else
            {
                DemoTables.AddRow(table, name, "", 0L, "none", "", "", "", "", "", "nothing to charge", received);
            }
        }

        console.Write(table);
        foreach (var line in Notes(account, platform, own, alerts))
        {
            console.MarkupLineInterpolated($"  {line}");
        }

        console.WriteLine();
    }

    IEnumerable<string> Notes(MonthsAccount account, MonthsRecords platform, List<ReceivedMail> mails, int alerts)
    {
        var done = account.Customer.Steps.Where(step => step.Month <= months).Select(step => $"{step.What} {Day(start.AddMonths(step.Month - 1).AddDays(step.Day - 1))}").ToList();
        if (done.Count > 0)
        {
            yield return $"Did:     {string.Join(", ", done)}";
        }

        if (account.Denied.Count > 0)
        {
            yield return $"Denied:  {string.Join(", ", account.Denied.Select(reason => string.Create(CultureInfo.InvariantCulture, $"{reason.Value} calls {reason.Key}")))}";
        }

        // Counted by what they are about, whichever invoice and amount they name.
        yield return $"Mails:   {string.Join(", ", mails.CountBy(mail => Particulars().Replace(mail.Subject, "…")).Select(kind => string.Create(CultureInfo.InvariantCulture, $"{kind.Value} × {kind.Key}")))}; and {alerts} about limits of usage";
        yield return $"Now:     {(platform.Status == "deleted" ? "deleted" : platform.Access switch { "full" => "everything works", "local_models" => "only local models answer", _ => "locked" })}";
    }

    static bool IsAlert(ReceivedMail mail) => mail.Subject.StartsWith("You have used", StringComparison.Ordinal);

    static string Day(DateTimeOffset at) => at.ToString("d MMM", CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\S*\d\S*( (€|EUR))?")]
    private static partial Regex Particulars();
}
