using System.Diagnostics;
using ControlPlane.Billing.Taxes;

namespace ControlPlane.Billing.Payments;

/// <summary>
/// The job <c>payments</c>: applies what providers have notified, collects what is due, pays refunds out, and asks the register of VAT ids. What one run does not reach is left to the next.
/// </summary>
public sealed class CollectPayments(
    PaymentProviders providers, PaymentClaims claims, CollectPayment collect, ApplyProviderEvents events, PayRefunds refunds, ConfirmVatIds vatIds)
{
    /// <summary>Calls of a provider at the same time.</summary>
    const int Concurrency = 4;

    /// <summary>Functions have ten minutes at most.</summary>
    static readonly TimeSpan TimePerRun = TimeSpan.FromMinutes(4);

    public async Task<JobReport> RunAsync(CancellationToken ct)
    {
        var started = Stopwatch.GetTimestamp();
        var report = await events.RunAsync(HasTime, ct);
        if (providers.Current is not null)
        {
            report = report.And(await CollectAsync(HasTime, ct));
            report = report.And(await refunds.RunAsync(HasTime, ct));
        }

        return report.And(JobReport.Of(("vat_ids", await vatIds.RunAsync(HasTime, ct))));

        bool HasTime() => Stopwatch.GetElapsedTime(started) < TimePerRun;
    }

    async Task<JobReport> CollectAsync(Func<bool> hasTime, CancellationToken ct)
    {
        var isThrottled = false;
        var results = await QueueDrain.RunAsync<PaymentClaim, CollectResult>(
            Concurrency,
            async active => isThrottled || !hasTime() ? null : await claims.NextAsync([.. active.Select(claim => claim.Invoice)], ct),
            async claim =>
            {
                var result = await collect.RunAsync(claim, ct);
                isThrottled |= result is CollectResult.Unavailable { IsThrottled: true };
                return result;
            },
            ct);
        return JobReport.Of(
            ("payments", results.Count(result => result is CollectResult.Answered { Now: ProviderPayment.Succeeded })),
            ("payments_pending", results.Count(result => result is CollectResult.Answered { Now: ProviderPayment.Pending })),
            ("payments_declined", results.Count(result => result is CollectResult.Declined)),
            ("payments_unavailable", results.Count(result => result is CollectResult.Unavailable))) with
        {
            Alerts = [.. results.OfType<CollectResult.Unavailable>().Where(result => result.IsFault).Select(result => $"A payment could not be collected: {result.Why}").Distinct()],
        };
    }
}
