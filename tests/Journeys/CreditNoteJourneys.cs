namespace ControlPlane.Tests;

/// <summary>Invoices that are taken back in whole or part.</summary>
public sealed class CreditNoteJourneys : IAsyncLifetime
{
    static readonly DateTimeOffset Start = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);

    TestServer _server = null!;
    TestTenant _tenant = null!;

    // One invoice: 9.90 and 2.35 net, 14.58 with tax.
    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync(clock: Start, settings: [new("CONTROLPLANE_TAX", "regular")]);
        _tenant = await _server.CreateTenantAsync("basic");
        await _server.ReportAsync(_tenant, Deliveries.Event("e1", Start, 1_000_000, 234_567));
        await _server.MoveClockAsync(Start.AddMonths(1));
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    CreateCreditNote Credit => _server.Services.GetRequiredService<CreateCreditNote>();

    [Fact, Trait("Category", "Quick")]
    public async Task An_open_invoice_is_reduced_and_a_note_for_the_rest_takes_it_back_to_the_cent()
    {
        var part = await CreatedAsync(new CreditNoteRequest([new CreditedLine(2, 2.35m)], "Counted twice", Refund: false));
        Assert.Equal(("CR-000001", 2.80m, new CreditApplication(2.80m, 0, 0)), (part.Number, part.Amounts.Total, part.Application));
        Assert.Equal("open", await StatusAsync());

        var rest = await CreatedAsync(new CreditNoteRequest(null, "Signed up by mistake", Refund: false));
        Assert.Equal(("CR-000002", 11.78m), (rest.Number, rest.Amounts.Total));
        Assert.Equal("credited", await StatusAsync());
        Assert.IsType<CreateCreditNoteResult.NotPossible>(await Credit.RunAsync("INV-000001", new CreditNoteRequest(null, "Again", Refund: false), "operator:test", default));
        Assert.IsType<CreateCreditNoteResult.NotFound>(await Credit.RunAsync("INV-000002", new CreditNoteRequest(null, "No such", Refund: false), "operator:test", default));

        Assert.Equal(14.58m, await ScalarAsync<decimal>("select sum(amount) from control.settlement where kind = 'credit_note'"));
        // When it would have been charged.
        await _server.MoveClockAsync(Start.AddMonths(1).AddDays(1));
        Assert.Equal("cancelled", await ScalarAsync<string>("select state from control.payment"));
        await using var transaction = await _server.Database.BeginAsync(_tenant.Id, default);
        Assert.Equal(["CR-000002", "CR-000001"], (await transaction.CreditNotesAsync(_tenant.Id, 10, default)).Select(note => note.Number));
        Assert.StartsWith("%PDF-", System.Text.Encoding.ASCII.GetString((await transaction.CreditNotePdfAsync(_tenant.Id, "CR-000001", default))!), StringComparison.Ordinal);
        Assert.Contains(await _server.MailsAsync(), mail => mail.Subject.Contains("CR-000001", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_was_paid_goes_to_the_balance_and_the_next_invoice_uses_it()
    {
        await PayAsync();
        Assert.IsType<CreateCreditNoteResult.NotPossible>(await Credit.RunAsync("INV-000001", new CreditNoteRequest(null, "Wrong", Refund: true), "operator:test", default));
        var note = await CreatedAsync(new CreditNoteRequest([new CreditedLine(0, 9.90m)], "Wrong", Refund: false));

        Assert.Equal(new CreditApplication(0, 0, 11.78m), note.Application);
        await _server.MoveClockAsync(Start.AddMonths(2));
        Assert.Equal((11.78m, "paid"), (await ScalarAsync<decimal>("select balance_used from control.invoice where period = 2"), await StatusAsync(period: 2)));
        Assert.Equal(0m, await ScalarAsync<decimal>("select sum(amount) from control.balance_entry"));
        await AssertSettledAsync();
    }

    [Fact]
    public async Task What_was_charged_is_paid_back_by_the_provider_once()
    {
        await PayAsync("charge");
        var note = await CreatedAsync(new CreditNoteRequest([new CreditedLine(2, 2.35m)], "Wrong", Refund: true));
        Assert.Equal(new CreditApplication(0, 2.80m, 0), note.Application);

        var rest = await CreatedAsync(new CreditNoteRequest(null, "All of it", Refund: true));
        Assert.Equal(new CreditApplication(0, 11.78m, 0), rest.Application);
        Assert.Equal(14.58m, await ScalarAsync<decimal>("select sum(amount) from control.refund where state = 'requested' and provider = 'sandbox'"));
    }

    [Fact]
    public async Task Of_many_notes_at_once_one_takes_the_invoice_back_and_no_number_is_lost()
    {
        var results = await Task.WhenAll(Enumerable.Range(0, 8).Select(n => Credit.RunAsync("INV-000001", new CreditNoteRequest(null, $"Attempt {n}", Refund: false), "operator:test", default)));

        Assert.Equal("CR-000001", Assert.Single(results.OfType<CreateCreditNoteResult.Created>()).Note.Number);
        Assert.Equal(7, results.OfType<CreateCreditNoteResult.NotPossible>().Count());
        Assert.Equal(1, await ScalarAsync<long>("select last_number from control.invoice_sequence where seller = 'default:corrections'"));
        await AssertSettledAsync();
    }

    [Fact]
    public async Task A_credit_note_cannot_be_changed_by_anyone()
    {
        await CreatedAsync(new CreditNoteRequest(null, "Wrong", Refund: false));
        await using var owner = await _server.Database.OpenOwnerAsync(default);
        foreach (var change in (string[])["update control.credit_note set reason = ''", "delete from control.credit_note", "update control.invoice_tax set tax = 0", "delete from control.settlement"])
        {
            Assert.Equal("23001", (await Assert.ThrowsAsync<Npgsql.PostgresException>(() => owner.ExecuteAsync(change, default))).SqlState);
        }
    }

    async Task<CreditNote> CreatedAsync(CreditNoteRequest request) =>
        Assert.IsType<CreateCreditNoteResult.Created>(await Credit.RunAsync("INV-000001", request, "operator:test", default)).Note;

    async Task PayAsync(string collection = "transfer")
    {
        await _server.SqlAsync("update control.payment set state = 'succeeded', collection = $1, provider = case when $1 = 'charge' then 'sandbox' end, next_attempt_at = null", collection);
        await _server.SqlAsync(
            """
            insert into control.settlement (id, invoice_id, tenant_id, kind, amount, source, occurred_at, booked_at, actor)
            select gen_random_uuid(), id, tenant_id, 'payment', total_amount, 'test', created_at, created_at, 'test' from control.invoice
            """);
        await _server.SqlAsync("update control.invoice set status = 'paid', paid_at = created_at");
    }

    // An invoice that is over is settled by what was booked, to the cent.
    async Task AssertSettledAsync() => Assert.Equal(0L, await ScalarAsync<long>(
        """
        select count(*) from control.invoice i
        where i.status in ('paid', 'credited') and i.total_amount <> coalesce((select sum(s.amount) from control.settlement s where s.invoice_id = i.id), 0)
        """));

    Task<string?> StatusAsync(int period = 1) => ScalarAsync<string>($"select status from control.invoice where period = {period}");

    async Task<T?> ScalarAsync<T>(string sql)
    {
        await using var transaction = await _server.Database.BeginJobAsync(default);
        return await transaction.ScalarAsync<T>(sql, default);
    }
}
