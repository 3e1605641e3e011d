using ControlPlane.Billing.Taxes;

namespace ControlPlane.Billing.Payments;

public abstract record SetupResult
{
    /// <summary>The provider's page.</summary>
    public sealed record Page(Uri Address) : SetupResult;
    /// <summary>This installation collects by bank transfer only.</summary>
    public sealed record NotOffered : SetupResult;
    public sealed record Unavailable : SetupResult;
}

public abstract record FinishSetupResult
{
    public sealed record Saved(SavedMethod Method) : FinishSetupResult;
    /// <summary>The customer has left the page without saving a method.</summary>
    public sealed record NotCompleted : FinishSetupResult;
    public sealed record Unavailable : FinishSetupResult;
}

/// <summary>A tenant's card or bank account at the provider. A new one pays at once what is open.</summary>
public sealed class PaymentMethods(ControlDatabase database, Clock clock, PaymentProviders providers)
{
    /// <summary>Sends a member to the page on which a method is saved.</summary>
    /// <param name="completed">Where the page returns to, with the query parameter <c>session</c>.</param>
    public async Task<SetupResult> BeginSetupAsync(Guid tenant, Uri completed, Uri cancelled, CancellationToken ct)
    {
        if (providers.Current is not { } provider)
        {
            return new SetupResult.NotOffered();
        }

        try
        {
            var customer = await EnsureCustomerAsync(provider, tenant, ct);
            return new SetupResult.Page(await provider.BeginSetupAsync(customer.Id!, new SetupReturn(tenant, completed, cancelled, customer.Language), ct));
        }
        catch (ProviderUnavailableException)
        {
            return new SetupResult.Unavailable();
        }
    }

    /// <param name="session">From the address that the provider's page returned to.</param>
    public async Task<FinishSetupResult> FinishSetupAsync(Guid tenant, string session, string actor, CancellationToken ct)
    {
        if (providers.Current is not { } provider || (await CustomerAsync(provider, tenant, ct)).Id is not { } customer)
        {
            return new FinishSetupResult.NotCompleted();
        }

        try
        {
            if (await provider.FinishSetupAsync(customer, session, ct) is not { } method)
            {
                return new FinishSetupResult.NotCompleted();
            }

            await using var transaction = await database.BeginJobAsync(ct);
            await UseAsync(transaction, provider.Name, customer, method, actor, ct);
            await transaction.CommitAsync(ct);
            return new FinishSetupResult.Saved(method);
        }
        catch (ProviderUnavailableException)
        {
            return new FinishSetupResult.Unavailable();
        }
    }

    /// <summary>Sends a member to the page on which the saved method is replaced.</summary>
    public async Task<SetupResult> ManageAsync(Guid tenant, Uri back, CancellationToken ct)
    {
        if (providers.Current is not { } provider || await CustomerAsync(provider, tenant, ct) is not { Id: { } customer, Language: var language })
        {
            return new SetupResult.NotOffered();
        }

        try
        {
            return new SetupResult.Page(await provider.ManageAsync(customer, back, language, ct));
        }
        catch (ProviderUnavailableException)
        {
            return new SetupResult.Unavailable();
        }
    }

    /// <summary>Stores the customer's default method, and has what is open collected with it when it is another one.</summary>
    /// <param name="method">null: the customer has none any more.</param>
    internal async Task<Guid?> UseAsync(Transaction transaction, string provider, string customer, SavedMethod? method, string actor, CancellationToken ct)
    {
        var kind = method?.Kind switch { MethodKind.Card => "card", MethodKind.SepaDebit => "sepa_debit", MethodKind.Other => "other", _ => null };
        var changed = await transaction.FirstAsync(
            Use, row => new { Tenant = row.GetGuid(0), IsNew = row.GetBoolean(1) }, ct, provider, customer, method?.Id, kind, method?.Label, method?.ExpiresOn, clock.GetUtcNow());
        if (changed is null)
        {
            return null;
        }

        if (changed.IsNew)
        {
            await transaction.AuditAsync(clock, changed.Tenant, actor, "payment_method.changed", new { kind }, ct);
        }

        if (changed.IsNew && method is not null && await transaction.ExecuteAsync(TryNow, ct, changed.Tenant, clock.GetUtcNow()) > 0)
        {
            await transaction.AnnounceJobAsync(JobSchedules.Payments, changed.Tenant, ct);
        }

        return changed.Tenant;
    }

    async Task<ProviderCustomer> EnsureCustomerAsync(IPaymentProvider provider, Guid tenant, CancellationToken ct)
    {
        var customer = await CustomerAsync(provider, tenant, ct);
        var id = await provider.EnsureCustomerAsync(customer, ct);
        await using var transaction = await database.BeginJobAsync(ct);
        var kept = await transaction.ScalarAsync<string>(Keep, ct, tenant, provider.Name, id);
        await transaction.RequestVatConfirmationAsync(clock, tenant, ct);
        await transaction.CommitAsync(ct);
        return customer with { Id = kept };
    }

    async Task<ProviderCustomer> CustomerAsync(IPaymentProvider provider, Guid tenant, CancellationToken ct)
    {
        await using var transaction = await database.BeginJobAsync(ct);
        return await transaction.FirstAsync(
            Read,
            row => new ProviderCustomer(
                tenant, row.Get<string>(0), row.GetString(1), row.GetString(2),
                new ProviderAddress(row.Get<string>(3), row.Get<string>(4), row.Get<string>(5), row.Get<string>(6), row.Get<string>(7), row.GetString(8)), row.GetString(9)),
            ct, tenant, provider.Name) ?? throw new InvalidOperationException($"There is no tenant {tenant}.");
    }

    const string Read = """
        select case when b.provider = $2 then b.customer_id end,
               coalesce(t.invoice_email, (select m.email from control.member m where m.tenant_id = t.id and m.confirmed_at is not null order by m.role = 'owner' desc, m.created_at limit 1), ''),
               t.organization, t.address_line1, t.address_line2, t.postal_code, t.city, t.address_state, t.country, t.language
        from control.tenant t left join control.billing_profile b on b.tenant_id = t.id where t.id = $1
        """;

    // Of two at once the first is kept; a customer of a former provider is replaced.
    const string Keep = """
        insert into control.billing_profile as b (tenant_id, collection, provider, customer_id) values ($1, 'charge', $2, $3)
        on conflict (tenant_id) do update
        set provider = excluded.provider, customer_id = case when b.provider = excluded.provider then coalesce(b.customer_id, excluded.customer_id) else excluded.customer_id end,
            method_id = case when b.provider = excluded.provider then b.method_id end,
            method_kind = case when b.provider = excluded.provider then b.method_kind end,
            method_label = case when b.provider = excluded.provider then b.method_label end,
            method_expires_on = case when b.provider = excluded.provider then b.method_expires_on end
        returning customer_id
        """;

    const string Use = """
        with former as (select tenant_id, method_id, method_expires_on from control.billing_profile where provider = $1 and customer_id = $2 for update)
        update control.billing_profile b
        set method_id = $3, method_kind = $4, method_label = $5, method_expires_on = $6,
            method_changed_at = case when former.method_id is distinct from $3 then $7 else b.method_changed_at end,
            collection = case when $3 is null then b.collection else 'charge' end
        from former where b.tenant_id = former.tenant_id
        returning b.tenant_id, former.method_id is distinct from $3 or former.method_expires_on is distinct from $6
        """;

    // What was not due yet keeps its time. Credit is bought again only by a click.
    const string TryNow = """
        update control.payment set next_attempt_at = $2, collection = 'charge'
        where tenant_id = $1
          and (state in ('failed', 'requires_action', 'reversed') and collection = 'charge' or state in ('due', 'reversed') and collection = 'transfer' and due_at < $2)
          and exists (select from control.invoice i where i.id = invoice_id and i.kind <> 'top_up')
        """;
}
