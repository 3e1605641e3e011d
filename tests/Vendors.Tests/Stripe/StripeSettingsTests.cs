using ControlPlane.Stripe;

namespace ControlPlane.Tests.Stripe;

public class StripeSettingsTests
{
    [Fact]
    public void Without_a_key_Stripe_is_not_used() => Assert.Null(Read(key: null));

    [Theory]
    [InlineData("sk_test_abcdefgh", true)]
    [InlineData("sk_test_abcdefgh", false)]
    [InlineData("sk_live_abcdefgh", false)]
    [InlineData("rk_live_abcdefgh", false)]
    public void A_secret_key_with_a_webhook_secret_is_accepted(string key, bool sandbox)
    {
        var settings = Read(key, sandbox: sandbox);
        Assert.Equal((key, key.Contains("live", StringComparison.Ordinal)), (settings!.Key, settings.IsLive));
    }

    [Theory]
    [InlineData("sk_live_abcdefgh")]
    [InlineData("rk_live_abcdefgh")]
    [InlineData("rk_test_abcdefgh")]
    public void A_sandbox_accepts_test_keys_only(string key) => Assert.Contains("sandbox", Refused(key, sandbox: true), StringComparison.Ordinal);

    [Theory]
    [InlineData("pk_test_abcdefgh")]
    [InlineData("whsec_abcdefgh")]
    [InlineData("sk_test_abc defgh")]
    public void Other_keys_are_refused_without_showing_them(string key) => Assert.DoesNotContain(key, Refused(key), StringComparison.Ordinal);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("secret")]
    [InlineData("whsec_a,whsec_b,whsec_c")]
    public void The_webhook_secret_is_needed(string? secret) => Assert.Contains("CONTROLPLANE_STRIPE_WEBHOOK_SECRET", Refused(secret: secret), StringComparison.Ordinal);

    [Fact]
    public void Two_webhook_secrets_are_those_of_a_rotation() => Assert.Equal(["whsec_a", "whsec_b"], Read(secret: "whsec_a, whsec_b")!.WebhookSecrets);

    [Fact]
    public void Another_address_needs_a_test_key()
    {
        Assert.Equal("http://127.0.0.1:12111/", Read(api: "http://127.0.0.1:12111")!.Api!.ToString());
        Assert.Contains("CONTROLPLANE_STRIPE_API", Refused("sk_live_abcdefgh", api: "http://127.0.0.1:12111"), StringComparison.Ordinal);
        Assert.Contains("CONTROLPLANE_STRIPE_API", Refused(api: "nonsense"), StringComparison.Ordinal);
    }

    static string Refused(string key = "sk_test_abcdefgh", string? secret = "whsec_a", string? api = null, bool sandbox = false) =>
        Assert.Throws<SettingException>(() => Read(key, secret, api, sandbox)).Message;

    static StripeSettings? Read(string? key = "sk_test_abcdefgh", string? secret = "whsec_a", string? api = null, bool sandbox = false) => StripeSettings.Read(
        new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["CONTROLPLANE_STRIPE_KEY"] = key,
            ["CONTROLPLANE_STRIPE_WEBHOOK_SECRET"] = secret,
            ["CONTROLPLANE_STRIPE_API"] = api,
        }).Build(), sandbox);
}
