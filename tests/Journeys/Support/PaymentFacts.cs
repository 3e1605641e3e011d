namespace ControlPlane.Tests.Support;

/// <summary>Payments that are recorded by hand, as the bank's statement does.</summary>
static class PaymentFacts
{
    /// <summary>Lets the tenant pay by bank transfer, whatever the sandbox does by itself.</summary>
    public static Task PayByTransferAsync(this TestServer server, TestTenant tenant) => server.SqlAsync(
        "insert into control.billing_profile (tenant_id, collection) values ($1, 'transfer') on conflict (tenant_id) do update set collection = 'transfer'", tenant.Id);

    /// <summary>What an invoice needs of the tenant before its plan can be changed.</summary>
    public static Task SetAddressAsync(this TestServer server, TestTenant tenant) => server.SqlAsync(
        "update control.tenant set address_line1 = 'Hauptstr. 1', postal_code = '10115', city = 'Berlin' where id = $1", tenant.Id);

    public static async Task<string[]> ListAsync(this TestServer server, string sql, params List<object?> args) => await server.ReadAsync<string[]>(sql, args) ?? [];

    /// <summary>All of an invoice has arrived.</summary>
    public static async Task PayAsync(this TestServer server, TestTenant tenant, string number)
    {
        await using var transaction = await server.Database.BeginJobAsync(default);
        await transaction.ExecuteAsync(SubscriptionLock.Acquire, default, tenant.Id);
        await transaction.ExecuteAsync(Settle, default, number, server.Clock.GetUtcNow(), tenant.Id);
        await server.Services.GetRequiredService<AdvanceSubscription>().RunAsync(transaction, tenant.Id, default);
        await transaction.CommitAsync(default);
    }

    /// <summary>The bank takes back what has arrived.</summary>
    public static async Task ReverseAsync(this TestServer server, TestTenant tenant, string number)
    {
        await using var transaction = await server.Database.BeginJobAsync(default);
        await transaction.ExecuteAsync(SubscriptionLock.Acquire, default, tenant.Id);
        await transaction.ExecuteAsync(Reverse, default, number, server.Clock.GetUtcNow(), tenant.Id);
        await server.Services.GetRequiredService<AdvanceSubscription>().RunAsync(transaction, tenant.Id, default);
        await transaction.CommitAsync(default);
    }

    const string Settle = """
        with invoice as (select id, total_amount from control.invoice where number = $1 and tenant_id = $3),
             paid as (update control.payment p set state = 'succeeded', changed_at = $2, next_attempt_at = null from invoice i where p.invoice_id = i.id)
        insert into control.settlement (id, invoice_id, tenant_id, kind, amount, source, occurred_at, booked_at, actor)
        select gen_random_uuid(), id, $3, 'payment', total_amount, $2::text, $2, $2, 'test' from invoice
        """;

    const string Reverse = """
        with invoice as (select id, total_amount from control.invoice where number = $1 and tenant_id = $3),
             taken as (update control.payment p set state = 'reversed', changed_at = $2, bounces = bounces + 1 from invoice i where p.invoice_id = i.id)
        insert into control.settlement (id, invoice_id, tenant_id, kind, amount, source, occurred_at, booked_at, actor)
        select gen_random_uuid(), id, $3, 'reversal', -total_amount, $2::text, $2, $2, 'test' from invoice
        """;
}
