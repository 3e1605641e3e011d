using System.Text;
using ControlPlane.Stripe;
using ControlPlane.Tests.Support.Payments;

namespace ControlPlane.Tests.Stripe;

public class StripeWebhookTests
{
    const string Payload = """
        {"id":"evt_1","object":"event","api_version":"2025-03-31.basil","created":1775034000,"type":"payment_intent.succeeded","livemode":false,"data":{"object":{"id":"pi_1","object":"payment_intent"}}}
        """;

    static readonly DateTimeOffset Now = new(2026, 4, 1, 9, 0, 0, TimeSpan.Zero);

    static readonly StripeSettings Test = new(StripeStandIn.Key, ["whsec_new", StripeStandIn.WebhookSecret], Api: null);

    [Theory]
    [InlineData(0)]
    [InlineData(-300)]
    [InlineData(300)]
    public void A_signed_event_of_any_api_version_is_read(int secondsOff)
    {
        var read = Read(Payload, StandInEvent.Sign(Payload, Now.AddSeconds(secondsOff)));
        Assert.Equal(("evt_1", "payment_intent.succeeded", "pi_1", Now), (read!.Id, read.Type, read.ObjectId, read.CreatedAt));
        Assert.Equal(Payload, read.Payload);
    }

    [Theory]
    [InlineData("whsec_new")]
    [InlineData(StripeStandIn.WebhookSecret)]
    public void Both_secrets_of_a_rotation_are_accepted(string secret) => Assert.NotNull(Read(Payload, StandInEvent.Sign(Payload, Now, secret)));

    [Fact]
    public void A_header_with_two_signatures_needs_one_that_is_right() =>
        Assert.NotNull(Read(Payload, StandInEvent.Sign(Payload, Now).Replace(",v1=", $",v1={new string('0', 64)},v1=", StringComparison.Ordinal)));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("t=1775034000")]
    [InlineData("v1=00")]
    [InlineData("t=abc,v1=00")]
    [InlineData("t=99999999999999999999,v1=00")]
    [InlineData("t=,v1=")]
    [InlineData("=,=")]
    [InlineData(",,,")]
    [InlineData("t=1775034000,v0=00")]
    public void A_malformed_header_is_refused(string? header) => Assert.Null(Read(Payload, header));

    [Theory]
    [InlineData(301)]
    [InlineData(-301)]
    public void An_old_or_future_signature_is_refused(int secondsOff) => Assert.Null(Read(Payload, StandInEvent.Sign(Payload, Now.AddSeconds(secondsOff))));

    [Theory]
    [InlineData("abc")]
    [InlineData("99999999999")]
    [InlineData("99999999999999999999")]
    [InlineData("")]
    public void A_time_that_is_none_is_refused_although_it_is_signed(string time)
    {
        var signature = System.Security.Cryptography.HMACSHA256.HashData(Encoding.UTF8.GetBytes(StripeStandIn.WebhookSecret), Encoding.UTF8.GetBytes($"{time}.{Payload}"));
        Assert.Null(Read(Payload, $"t={time},v1={Convert.ToHexStringLower(signature)}"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("not JSON")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("""{"id":"evt_1"}""")]
    [InlineData("""{"id":"evt_1","object":"v2.core.event","type":"v1.billing.meter.error_report_triggered","livemode":false,"created":"2026-04-01T09:00:00Z"}""")]
    [InlineData("""{"id":1,"object":"event","created":1,"type":"x","livemode":false,"data":{"object":{}}}""")]
    [InlineData("""{"id":"evt_1","object":"event","created":1e99,"type":"x","livemode":false,"data":{"object":{}}}""")]
    [InlineData("""{"id":"evt_1","object":"event","created":1,"type":"x","livemode":true,"data":{"object":{}}}""")]
    [InlineData("""{"id":"evt_1","object":"event","created":1,"type":"x","livemode":"false","data":{"object":{}}}""")]
    [InlineData("""{"id":"evt_1","object":"event","created":1,"type":"x","data":{"object":{}}}""")]
    [InlineData("""{"id":"evt_\u0000","object":"event","created":1,"type":"x","livemode":false,"data":{"object":{}}}""")]
    [InlineData("""{"id":"evt_\ud800","object":"event","created":1,"type":"x","livemode":false,"data":{"object":{}}}""")]
    public void A_body_that_is_no_event_of_this_mode_is_refused_although_it_is_signed(string body) => Assert.Null(Read(body, StandInEvent.Sign(body, Now)));

    [Theory]
    [InlineData("""{"id":"evt_1","object":"event","created":1,"type":"tomorrow.invented","livemode":false,"data":{"object":{"object":"tomorrow"}}}""")]
    [InlineData("""{"id":"evt_1","object":"event","created":1,"type":"x","livemode":false,"data":{"object":null}}""")]
    [InlineData("""{"id":"evt_1","object":"event","api_version":null,"created":1,"type":"x","livemode":false,"data":{"object":{"id":7}}}""")]
    public void An_unknown_event_is_read_without_an_object(string body)
    {
        var read = Read(body, StandInEvent.Sign(body, Now));
        Assert.NotNull(read);
        Assert.Null(read.ObjectId);
    }

    [Fact]
    public void Bytes_that_are_no_text_are_refused() => Assert.Null(StripeWebhooks.Read(new byte[] { 0xff, 0xfe, 0x00 }, StandInEvent.Sign("x", Now), Test, Now));

    [Fact]
    public async Task Each_event_leads_to_the_object_as_it_is_now()
    {
        await using var rig = await StripeRig.StartAsync("sepa");
        var prepared = await rig.PrepareAsync();
        await rig.ConfirmAsync(prepared.Id);
        var processing = rig.State.Events[^1];
        rig.State.Settle(prepared.Id, succeeds: true);
        var dispute = rig.State.Dispute(prepared.Id);
        var disputed = rig.State.Events[^1];
        await rig.Payments.RefundAsync(prepared.Id, 1m, rig.Invoice, default);
        var refunded = rig.State.Events[^1];
        rig.State.Detach(rig.Method);
        var detached = rig.State.Events[^1];

        // The oldest event is fetched last, and the payment has succeeded meanwhile.
        Assert.Equal(new ProviderFact.MethodChanged(rig.Customer), await FactAsync(rig, detached));
        Assert.Equal(1m, Assert.IsType<ProviderFact.Refunded>(await FactAsync(rig, refunded)).Refund.Amount);
        Assert.Equal((prepared.Id, true, 14.58m), Assert.IsType<ProviderFact.Disputed>(await FactAsync(rig, disputed)) is var fact ? (fact.PaymentId, fact.IsWithdrawn, fact.Amount) : default);
        rig.State.Close(dispute, "won");
        Assert.False(Assert.IsType<ProviderFact.Disputed>(await FactAsync(rig, disputed)).IsWithdrawn);
        Assert.IsType<ProviderPayment.Succeeded>(Assert.IsType<ProviderFact.Payment>(await FactAsync(rig, processing)).Now);
    }

    [Theory]
    [InlineData("payment_intent.succeeded", "pi_unknown")]
    [InlineData("charge.dispute.created", "du_unknown")]
    [InlineData("invoice.paid", "in_1")]
    public async Task An_event_about_nothing_of_ours_is_irrelevant(string type, string subject)
    {
        await using var rig = await StripeRig.StartAsync();
        Assert.IsType<ProviderFact.Irrelevant>(await rig.Payments.FetchAsync(new ProviderEvent("evt_1", type, subject, Now, """{"data":{"object":{}}}"""), default));
    }

    static Task<ProviderFact> FactAsync(StripeRig rig, StandInEvent sent)
    {
        var read = rig.Payments.ReadEvent(Encoding.UTF8.GetBytes(sent.Payload), sent.Sign(Now), Now);
        Assert.NotNull(read);
        return rig.Payments.FetchAsync(read, default);
    }

    static ProviderEvent? Read(string body, string? header) => StripeWebhooks.Read(Encoding.UTF8.GetBytes(body), header, Test, Now);
}
