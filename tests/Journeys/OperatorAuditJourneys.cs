using System.Net.Http.Json;
using System.Text;
using System.Text.RegularExpressions;
using ControlPlane.Tests.Support.Fuzzing;
using Microsoft.AspNetCore.Authorization;

namespace ControlPlane.Tests;

/// <summary>Whatever an operator changes is in the audit log under the operator's name.</summary>
public sealed partial class OperatorAuditJourneys(SharedServer shared) : IClassFixture<SharedServer>
{
    readonly TestServer _server = shared.Server;
    readonly HashSet<string> _called = [];
    string _actor = "";
    HttpClient _operator = null!;

    [Fact]
    public async Task Each_change_of_an_operator_is_in_the_audit_log_under_their_name()
    {
        var name = Names.Random("Grace");
        _actor = $"operator:{name}";
        _operator = _server.NewClient((await _server.CreateOperatorAsync(name, "admin")).Key);
        var tenant = await _server.CreateReadyTenantAsync();
        var (id, own) = ("{id:guid}", tenant.Id.ToString());

        await AuditsAsync("tenant.created", "POST /v1/admin/tenants", "", new { organization = "O", slug = Names.Random("t"), plan = "basic", email = "o@example.com", country = "DE" });
        await _server.SqlAsync("update control.tenant set approved_at = null where id = $1", tenant.Id);
        await AuditsAsync("tenant.approved", $"POST /v1/admin/tenants/{id}/approve", own);
        await AuditsAsync("limits.overridden", $"PUT /v1/admin/tenants/{id}/limits", own, new { tokens_per_day = 5, reason = "test" });
        await AuditsAsync("limits.override_removed", $"DELETE /v1/admin/tenants/{id}/limits", own);
        await AuditsAsync("environment.suspend_requested", $"POST /v1/admin/tenants/{id}/suspend", own);
        await _server.RunJobAsync("provision");
        await AuditsAsync("environment.resume_requested", $"POST /v1/admin/tenants/{id}/resume", own);
        await _server.RunJobAsync("provision");
        await _server.SqlAsync("insert into control.environment_storage (tenant_id, bytes, allowed_bytes, measured_at) values ($1, 2, 1, now())", tenant.Id);
        await AuditsAsync("environment.cleanup_allowed", $"POST /v1/admin/tenants/{id}/cleanup", own);
        await _server.SqlAsync("update control.environment set state = 'failed', failed_reason = 'test' where tenant_id = $1", tenant.Id);
        await AuditsAsync("environment.retry_requested", $"POST /v1/admin/tenants/{id}/retry", own);
        await AuditsAsync("job.run", "POST /v1/admin/jobs/{job}/run", "retention");
        await AuditsAsync("sandbox_clock.moved", "POST /v1/sandbox/clock", "", new { now = _server.Clock.GetUtcNow().AddMinutes(1) });

        await AuditsAsync("operator.created", "POST /v1/admin/operators", "", new { name = Names.Random("Ada"), role = "support" });
        var (other, _) = await _server.CreateOperatorAsync(Names.Random("Alan"), "billing");
        await AuditsAsync("operator.revoked", $"DELETE /v1/admin/operators/{id}", other.ToString());
        await AuditsAsync("person.exported", "POST /v1/admin/people/export", "", new { email = "person@example.com" });
        await AuditsAsync("person.erased", "POST /v1/admin/people/erase", "", new { email = "person@example.com" });

        var model = Names.Random("model-");
        await AuditsAsync("model.added", "POST /v1/admin/models", "", new
        {
            name = model,
            provider = "openai",
            gateway_model = $"openai/{model}",
            price = new { prompt_eur_per_thousand = 1, completion_eur_per_thousand = 1 },
        });
        await AuditsAsync("model.route_added", "POST /v1/admin/models/{name}/routes", model, new { provider = "openai", gateway_model = $"openai/{model}-2" });
        await AuditsAsync("model.price_set", "POST /v1/admin/models/{name}/prices", model, new { prompt_eur_per_thousand = 2, completion_eur_per_thousand = 2, effective_from = "2200-01-01T00:00:00Z" });
        await AuditsAsync("model.plans_set", "PUT /v1/admin/models/{name}/plans", model, new { plans = (string[])["basic"] });
        var route = await _server.ReadAsync<Guid>("select id from control.model_route where model = $1 limit 1", model);
        await AuditsAsync("model.route_ended", "DELETE /v1/admin/models/{name}/routes/{id:guid}", $"{model} {route}");

        await AuditsAsync("mail_suppression.added", "POST /v1/webhooks/mail", "", new { address = "person@example.com", kind = "complaint", reason = "test" });
        var suppression = await _server.ReadAsync<Guid>("select id from control.mail_suppression where address = 'person@example.com'");
        await AuditsAsync("mail_suppression.lifted", $"DELETE /v1/admin/mail-suppressions/{id}", suppression.ToString());
        await _server.SqlAsync("update control.outbox set dead_at = now(), sent_at = null");
        var mail = await _server.ReadAsync<Guid>("select id from control.outbox limit 1");
        await AuditsAsync("mail.discarded", "POST /v1/admin/queues/{queue}/dead/{id:guid}/discard", $"mail {mail}");
        await AuditsAsync("mail.retried", "POST /v1/admin/queues/{queue}/retry", "mail");

        await _server.ReportAsync(
            tenant, [.. Enumerable.Range(0, 3).Select(n => Deliveries.Event($"e{n}", _server.Clock.GetUtcNow(), model: "no-such-model"))]).CountsAsync();
        await using (var owner = await _server.Database.OpenOwnerAsync(default))
        {
            await owner.ExecuteAsync("insert into control.model values ('no-such-model', 'openai', false, 'openai/no-such-model')", default);
            await owner.ExecuteAsync("insert into control.model_price values ('no-such-model', '2000-01-01Z', 1, 1)", default);
        }

        var held = (await HeldAsync()).Select(item => item.ToString()).ToList();
        await AuditsAsync("quarantine.replayed", $"POST /v1/admin/quarantine/{id}/replay", held[0]);
        await AuditsAsync("quarantine.discarded", $"POST /v1/admin/quarantine/{id}/discard", held[1], new { reason = "test" });
        await AuditsAsync("quarantine.replay_requested", "POST /v1/admin/quarantine/batches", "", new { action = "replay", code = "unknown_model" });

        await AuditsAsync("sandbox_payments.set", "POST /v1/sandbox/payments", "", new { tenant_id = tenant.Id, outcome = "succeed" });
        var invoice = Names.Random("AUDIT-");
        await _server.SqlAsync(InsertInvoice, tenant.Id, invoice);
        await _server.SqlAsync(
            "insert into control.payment (invoice_id, tenant_id, amount, state, collection, due_at, changed_at) select id, tenant_id, 5, 'due', 'transfer', now(), now() from control.invoice where number = $1", invoice);
        await AuditsAsync("payment.recorded", "POST /v1/admin/invoices/{number}/payments", invoice, new { amount = 1, received_on = "2026-01-02", reference = "R1" });
        await AuditsAsync("statement.imported", "POST /v1/admin/statements", "", new StringContent(Statement, Encoding.UTF8, "application/xml"));
        var entry = await _server.ReadAsync<Guid>("select id from control.bank_transaction where state = 'unmatched'");
        await AuditsAsync("bank_transaction.matched", $"POST /v1/admin/bank-transactions/{id}/match", entry.ToString(), new { invoice });
        await AuditsAsync("statement.imported", "POST /v1/admin/statements", "", new StringContent(Statement.Replace("A1", "A2", StringComparison.Ordinal), Encoding.UTF8, "application/xml"));
        entry = await _server.ReadAsync<Guid>("select id from control.bank_transaction where state = 'unmatched'");
        await AuditsAsync("bank_transaction.discarded", $"POST /v1/admin/bank-transactions/{id}/discard", entry.ToString());

        await AuditsAsync("tax_rate.added", "POST /v1/admin/tax-rates", "", new { country = "DE", valid_from = "2090-01-01", percent = 20, source = "test" });
        await AuditsAsync("coupon.created", "POST /v1/admin/coupons", "", new { code = "AUDIT10", percent = 10 });
        await AuditsAsync("coupon.redeemed", $"POST /v1/admin/tenants/{id}/coupons", own, new { code = "AUDIT10" });
        await AuditsAsync("coupon.ended", "DELETE /v1/admin/coupons/{code}", "AUDIT10");
        await AuditsAsync("adjustment.added", $"POST /v1/admin/tenants/{id}/adjustments", own, new { kind = "goodwill", description = "Outage", amount = 1, reason = "test" });
        await AuditsAsync("collection.set", $"PUT /v1/admin/tenants/{id}/collection", own, new { kind = "transfer", payment_days = 30 });
        await AuditsAsync("subscription.plan_changed", $"POST /v1/admin/tenants/{id}/plan", own, new { plan = "enterprise", price_eur_per_month = 1000, overage_eur_per_1000 = 0.005 });
        var trial = await _server.CreateTenantAsync("trial");
        await AuditsAsync("trial.extended", $"POST /v1/admin/tenants/{id}/trial", trial.Id.ToString(), new { ends_at = _server.Clock.GetUtcNow().AddDays(40) });
        await _server.SqlAsync(
            "insert into control.billing_review (id, tenant_id, kind, subject, detail, raised_at) values ($2, $1, 'vat_id_invalid', 'X', 'Y', now())", tenant.Id, tenant.Id);
        await AuditsAsync("review.resolved", $"POST /v1/admin/reviews/{id}/resolve", own);
        await _server.SqlAsync(
            "insert into control.billing_review (id, tenant_id, kind, subject, detail, raised_at, proposed_eur) values ($2, $1, 'availability', '2026-01', 'Y', now(), 5)", tenant.Id, Ids.New(TimeProvider.System));
        var proposal = await _server.ReadAsync<Guid>("select id from control.billing_review where kind = 'availability'");
        await AuditsAsync("review.accepted", $"POST /v1/admin/reviews/{id}/accept", proposal.ToString());
        var billed = await _server.CreateTenantAsync("basic");
        await _server.MoveClockAsync(_server.Clock.GetUtcNow().AddDays(32));
        var written = await _server.ReadAsync<string>("select number from control.invoice where tenant_id = $1", billed.Id);
        await AuditsAsync("invoice.credited", "POST /v1/admin/invoices/{number}/credit-notes", written!, new { lines = new[] { new { line = 0, net = 1 } }, reason = "test", refund = "balance" });
        await AuditsAsync("invoice.written_off", "POST /v1/admin/invoices/{number}/write-off", invoice, new { reason = "test" });

        await AuditsAsync("environment.delete_requested", $"POST /v1/admin/tenants/{id}/delete", own);
        var another = await _server.CreateTenantAsync();
        await AuditsAsync("environment.delete_requested", $"DELETE /v1/admin/tenants/{id}", another.Id.ToString());

        Assert.Empty(ChangingRoutes().Except(_called));
    }

    const string InsertInvoice = """
        insert into control.invoice (id, number, tenant_id, period, period_start, period_end, plan, currency, base_charge, token_usage, overage_tokens, overage_charge, net_amount, tax_rate, tax,
            total_amount, seller, buyer, notes, status, created_at)
        values (gen_random_uuid(), $2, $1, 1, '2026-01-01', '2026-02-01', 'basic', 'EUR', 5, 0, 0, 0, 5, 0, 0, 5, '{}', '{}', '[]', 'open', now())
        """;

    const string Statement = """
        <Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><Stmt><Acct><Id><IBAN>DE02120300000000202051</IBAN></Id></Acct><Ntry><Amt Ccy="EUR">1.00</Amt>
        <CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-01-02</Dt></BookgDt><AcctSvcrRef>A1</AcctSvcrRef></Ntry></Stmt></BkToCstmrStmt></Document>
        """;

    /// <param name="route">With its parameters, for which <paramref name="value"/> is sent, separated by spaces.</param>
    async Task AuditsAsync(string action, string route, string value, object? body = null)
    {
        _called.Add(route);
        var before = (await _server.AuditAsync(_actor)).Count(entry => entry == action);
        var path = route[(route.IndexOf(' ', StringComparison.Ordinal) + 1)..];
        var filled = value.Split(' ').Aggregate(path, (current, next) => Parameter().Replace(current, next, 1));
        using var request = new HttpRequestMessage(new HttpMethod(route.Split(' ')[0]), filled) { Content = body as HttpContent ?? (body is null ? null : JsonContent.Create(body)) };
        using var reply = await _operator.SendAsync(request);
        Assert.True(reply.IsSuccessStatusCode, $"{route}: {reply.StatusCode} {await reply.Content.ReadAsStringAsync()}");
        Assert.Equal((route, before + 1), (route, (await _server.AuditAsync(_actor)).Count(entry => entry == action)));
    }

    /// <summary>Pages use the same use cases.</summary>
    IEnumerable<string> ChangingRoutes()
    {
        var api = _server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.Metadata.OfType<IAuthorizeData>().Any(data => data.Policy is Policies.Operator))
            .Select(endpoint => endpoint.RoutePattern.RawText).ToHashSet();
        return FuzzedRoute.All(_server).Where(route => route.Method != "GET" && api.Contains(route.Pattern.RawText)).Select(route => route.ToString().TrimEnd('/'));
    }

    [GeneratedRegex(@"\{[^}]*\}")]
    private static partial Regex Parameter();

    async Task<IReadOnlyList<Guid>> HeldAsync()
    {
        var page = await (await _operator.GetAsync("/v1/admin/quarantine")).ReadAsync();
        return [.. page.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("id").GetGuid())];
    }
}
