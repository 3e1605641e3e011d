using Microsoft.Extensions.Logging;

namespace ControlPlane.Billing.Payments;

/// <summary>
/// Applies the notifications in the inbox: what each is about is fetched as it is now, so neither their order, nor repetitions, nor their age matter. No transaction is open while the provider
/// is called.
/// </summary>
public sealed class ApplyProviderEvents(
    ControlDatabase database, PaymentProviders providers, RecordPayment record, PaymentMethods methods, PayRefunds refunds, ILogger<ApplyProviderEvents> log)
{
    const string Actor = "job:payments";
    const int Concurrency = 4;
    const int MaxAttempts = QueueRetries.MaxAttempts;

    /// <summary>Longer than the calls for one event take.</summary>
    static readonly TimeSpan ClaimDuration = TimeSpan.FromMinutes(2);

    public async Task<JobReport> RunAsync(Func<bool> hasTime, CancellationToken ct)
    {
        var isThrottled = false;
        var results = await QueueDrain.RunAsync<ClaimedEvent, EventResult>(
            Concurrency,
            async _ => isThrottled || !hasTime() ? null : await ClaimAsync(ct),
            async claimed =>
            {
                var result = await ApplyAsync(claimed, ct);
                isThrottled |= result == EventResult.Throttled;
                return result;
            },
            ct);
        var dead = results.Count(result => result == EventResult.Dead);
        return JobReport.Of(("events", results.Count(result => result is EventResult.Applied or EventResult.Ignored)), ("events_failed", results.Count(result => result > EventResult.Ignored))) with
        {
            Alerts = dead == 0 ? [] : [$"{dead} notifications of the payment provider could not be applied after {MaxAttempts} attempts. Run stripe reconcile, and see the log."],
        };
    }

    async Task<ClaimedEvent?> ClaimAsync(CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        var claimed = await transaction.FirstAsync(
            Claim,
            row => new ClaimedEvent(
                row.GetString(0), new ProviderEvent(row.GetString(1), row.GetString(2), row.Get<string>(3), row.GetFieldValue<DateTimeOffset>(4), row.GetString(5)), row.GetInt32(6)),
            ct, ClaimDuration);
        await transaction.CommitAsync(ct);
        return claimed;
    }

    async Task<EventResult> ApplyAsync(ClaimedEvent claimed, CancellationToken ct)
    {
        try
        {
            if (providers.Find(claimed.Provider) is not { } provider)
            {
                throw new ProviderUnavailableException($"The provider {claimed.Provider} is not configured.");
            }

            var fact = await provider.FetchAsync(claimed.Event, ct);
            var prepared = await PrepareAsync(provider, fact, ct);
            await using var transaction = await database.BeginJobAsync(ct);
            var isRelevant = await ApplyAsync(transaction, provider, fact, prepared, ct);
            await transaction.ExecuteAsync(Finish, ct, claimed.Provider, claimed.Event.Id, isRelevant ? "applied" : "ignored", prepared.Tenant);
            await transaction.CommitAsync(ct);
            return isRelevant ? EventResult.Applied : EventResult.Ignored;
        }
        catch (Exception e) when (!ct.IsCancellationRequested && !e.IsDatabaseUnavailable())
        {
            // The boundary of one event: whatever is wrong with it, the others are applied.
            log.LogError(e, "Event {Event} of {Provider} could not be applied", claimed.Event.Id, claimed.Provider);
            // An outage says nothing about the event: it waits for its end, however long.
            var isOutage = e is ProviderUnavailableException;
            var isDead = !isOutage && claimed.Attempts >= MaxAttempts;
            await using var transaction = await database.BeginJobAsync(ct);
            await transaction.ExecuteAsync(Fail, ct, claimed.Provider, claimed.Event.Id, QueueRetries.ErrorText(e.Message), isDead, isOutage ? 1 : 0);
            await transaction.CommitAsync(ct);
            return isDead ? EventResult.Dead : e is ProviderUnavailableException { IsThrottled: true } ? EventResult.Throttled : EventResult.Failed;
        }
    }

    /// <summary>Everything else that the provider has to be asked, before the transaction.</summary>
    async Task<Prepared> PrepareAsync(IPaymentProvider provider, ProviderFact fact, CancellationToken ct) => fact switch
    {
        // The payment comes first: what is taken back must have been booked.
        ProviderFact.Disputed disputed => new(await TenantAsync(disputed.Invoice, ct)) { Payment = await provider.FindAsync(disputed.PaymentId, ct) },
        ProviderFact.Refunded refunded => new(await TenantAsync(refunded.Invoice, ct)) { Payment = await provider.FindAsync(refunded.PaymentId, ct) },
        ProviderFact.Payment payment => new(await TenantAsync(payment.Now.Invoice, ct)) { Payment = payment.Now },
        ProviderFact.MethodChanged changed => new(Tenant: null) { Method = await provider.DefaultMethodAsync(changed.Customer, ct) },
        ProviderFact.SetupFinished finished => new(Tenant: null) { Method = await provider.FinishSetupAsync(finished.Customer, finished.Session, ct) },
        _ => new(Tenant: null),
    };

    async Task<bool> ApplyAsync(Transaction transaction, IPaymentProvider provider, ProviderFact fact, Prepared prepared, CancellationToken ct)
    {
        if (prepared.Payment is { } payment)
        {
            await record.ApplyAsync(transaction, payment, Actor, ct);
        }

        switch (fact)
        {
            case ProviderFact.Payment:
                return prepared.Tenant is not null;
            case ProviderFact.Disputed disputed:
                await record.DisputeAsync(transaction, disputed.Invoice, disputed, Actor, ct);
                return prepared.Tenant is not null;
            case ProviderFact.Refunded refunded:
                return await refunds.ApplyAsync(transaction, refunded.Invoice, refunded.Refund, ct);
            case ProviderFact.MethodChanged changed:
                return await methods.UseAsync(transaction, provider.Name, changed.Customer, prepared.Method, Actor, ct) is not null;
            case ProviderFact.SetupFinished finished when prepared.Method is not null:
                return await methods.UseAsync(transaction, provider.Name, finished.Customer, prepared.Method, Actor, ct) is not null;
            default:
                return false;
        }
    }

    async Task<Guid?> TenantAsync(Guid invoice, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.ScalarAsync<Guid?>("select tenant_id from control.payment where invoice_id = $1", ct, invoice);
    }

    enum EventResult { Applied, Ignored, Failed, Throttled, Dead }

    sealed record ClaimedEvent(string Provider, ProviderEvent Event, int Attempts);

    sealed record Prepared(Guid? Tenant)
    {
        public ProviderPayment? Payment { get; init; }
        public SavedMethod? Method { get; init; }
    }

    const string Claim = """
        with next as (
            select provider, id from control.provider_event where state = 'received' and next_attempt_at <= now() order by next_attempt_at, id limit 1 for update skip locked)
        update control.provider_event e set attempts = attempts + 1, next_attempt_at = now() + $1 from next where e.provider = next.provider and e.id = next.id
        returning e.provider, e.id, e.type, e.object_id, coalesce(e.created_at, e.received_at), e.payload, e.attempts
        """;

    const string Finish = "update control.provider_event set state = $3, tenant_id = coalesce($4, tenant_id), last_error = null where provider = $1 and id = $2";

    const string Fail = $"""
        update control.provider_event
        set last_error = $3, state = case when $4 then 'dead' else state end, next_attempt_at = now() + {QueueRetries.Delay}, attempts = attempts - $5 where provider = $1 and id = $2
        """;
}
