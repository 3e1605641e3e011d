using System.Net.Http.Json;

namespace ControlPlane.Tests;

/// <summary>A card that declines, from the preview to the end, and back by paying. The period ends on 1 February.</summary>
public sealed class UnpaidChargeJourneys : IAsyncLifetime
{
    const string Gateway = "gemini-pro", Local = "mistral:7b-instruct";

    static readonly DateTimeOffset Start = new(2026, 1, 1, 9, 0, 0, TimeSpan.Zero);
    static readonly DateTimeOffset End = new(2026, 2, 1, 0, 0, 0, TimeSpan.Zero);

    TestServer _server = null!;
    TestTenant _tenant = null!;

    public async Task InitializeAsync()
    {
        _server = await TestServer.StartAsync(clock: Start);
        _tenant = await _server.CreateReadyTenantAsync("basic");
        await SetOutcomeAsync("insufficient_funds");
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Each_stage_leaves_what_it_says_and_a_payment_gives_everything_back_at_once()
    {
        await ExpectAsync(-48, "previewed", gateway: null, local: null);
        await ExpectAsync(0, "invoiced", gateway: null, local: null);
        await ExpectAsync(9, "past_due", gateway: null, local: null);
        await ExpectAsync(71, "past_due", gateway: null, local: null);
        await ExpectAsync(72, "dunning", gateway: "model_restricted", local: null);
        await ExpectAsync(144, "suspended", gateway: "suspended", local: "suspended");

        await SetOutcomeAsync("succeed");
        (await _tenant.Http.PostAsync("/v1/invoices/INV-000001/pay", content: null)).EnsureSuccessStatusCode();
        Assert.Equal("paid", await StageAsync());
        await _server.RunJobAsync("provision");
        Assert.True((await _tenant.AuthorizeAsync(1, model: Gateway)).Allow);
    }

    [Fact]
    public async Task Thirty_six_days_after_the_end_the_tenant_is_deleted_and_its_invoice_can_still_be_paid()
    {
        foreach (var hours in new[] { -48, 0, 9, 72, 144, 24 * 29, 24 * 36 })
        {
            await _server.JumpAsync(End.AddHours(hours), "payments", "billing");
        }

        Assert.Equal("closed", await StageAsync());
        await _server.RunJobAsync("provision");
        Assert.Equal("deleted", await _server.ReadAsync<string>("select status from control.tenant where id = $1", _tenant.Id));
        Assert.Equal(9.90m, await _server.ReadAsync<decimal>("select total_amount from control.invoice where number = 'INV-000001' and status = 'open'"));
    }

    /// <param name="hours">After the end of the period.</param>
    /// <param name="gateway">Why a call to a provider's model is denied; null: it is allowed.</param>
    async Task ExpectAsync(int hours, string stage, string? gateway, string? local)
    {
        await _server.JumpAsync(End.AddHours(hours), "payments", "billing");
        Assert.Equal((hours, stage), (hours, await StageAsync()));
        Assert.Equal((hours, gateway), (hours, await DenialAsync(Gateway)));
        Assert.Equal((hours, local), (hours, await DenialAsync(Local)));
    }

    async Task<string?> DenialAsync(string model) => await _tenant.AuthorizeAsync(1, model: model) is { Allow: false } denied ? denied.Reason : null;

    Task<string?> StageAsync() => _server.ReadAsync<string>("select stage from control.billing_period where tenant_id = $1 and number = 1", _tenant.Id);

    async Task SetOutcomeAsync(string outcome) =>
        (await _server.Operator.PostAsJsonAsync("/v1/sandbox/payments", new { tenant_id = _tenant.Id, outcome })).EnsureSuccessStatusCode();
}
