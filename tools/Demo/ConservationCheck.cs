using System.Globalization;

namespace ControlPlane.Demo;

/// <summary>
/// Events = counters = daily usage = invoice lines = the demo's own accounting, to the token and the cent. Pure.
/// </summary>
public static class ConservationCheck
{
    /// <returns>One sentence per difference; empty when nothing was lost, duplicated or mispriced.</returns>
    public static List<string> Differences(DemoTenant tenant, ExpectedAccounting expectations, PlatformRecords platform)
    {
        var differences = new List<string>();
        var sums = expectations.SumsOf(tenant);
        Same("events", sums, platform.Events);
        Same("live counters", sums, platform.Counters);
        Same("daily usage", sums, platform.DailyUsage);
        Same("GET /v1/usage", sums, platform.ReportedSum);
        var byModel = expectations.SumsByModel(tenant);
        foreach (var model in byModel.Keys.Union(platform.Reported.Keys))
        {
            Same($"GET /v1/usage of {model}", byModel.GetValueOrDefault(model), platform.Reported.GetValueOrDefault(model));
        }

        var outcome = expectations.OutcomeOf(tenant);
        Same("quarantined submissions", outcome.Rejected + outcome.Refused, platform.Held);
        Invoices();
        return differences;

        void Invoices()
        {
            if (tenant.EurPerMonth is null)
            {
                Same("number of invoices", 0, platform.Invoices.Count);
                return;
            }

            Same("number of invoices", DemoRun.Months, platform.Invoices.Count);
            Same("tokens on all invoices", sums.Tokens, platform.Invoices.Sum(invoice => invoice.Tokens));
            foreach (var (period, invoice) in platform.Invoices.Index())
            {
                var expected = expectations.InvoiceOf(tenant, period)!;
                Same($"{invoice.Number}, tokens", expected.Tokens, invoice.Tokens);
                Same($"{invoice.Number}, tokens of all lines", invoice.Tokens, invoice.LineTokens);
                Same($"{invoice.Number}, late tokens", expected.LateTokens, invoice.LateTokens);
                Same($"{invoice.Number}, base charge", expected.Base, invoice.Base);
                Same($"{invoice.Number}, overage", expected.Overage, invoice.Overage);
                Same($"{invoice.Number}, late usage", expected.Late, invoice.Late);
                Same($"{invoice.Number}, total", expected.Total, invoice.Total);
                Same($"{invoice.Number}, amounts of all lines", invoice.Total, invoice.LineAmounts);
            }
        }

        void Same<T>(string what, T expected, T actual)
            where T : IEquatable<T>
        {
            if (!expected.Equals(actual))
            {
                differences.Add(string.Create(CultureInfo.InvariantCulture, $"{tenant.Plan}, {what}: expected {expected}, the platform reports {actual}"));
            }
        }
    }
}
