using System.Text.RegularExpressions;
using ControlPlane.Platform;
using Microsoft.Extensions.Configuration;

namespace ControlPlane.Stripe;

/// <summary>The account that collects payments: the settings CONTROLPLANE_STRIPE_….</summary>
/// <param name="WebhookSecrets">Two while the secret is being rotated.</param>
/// <param name="Api">null: Stripe's own.</param>
public sealed partial record StripeSettings(string Key, IReadOnlyList<string> WebhookSecrets, Uri? Api)
{
    const string KeyName = "CONTROLPLANE_STRIPE_KEY";
    const string SecretName = "CONTROLPLANE_STRIPE_WEBHOOK_SECRET";
    const string ApiName = "CONTROLPLANE_STRIPE_API";

    /// <summary>Whether real money moves.</summary>
    public bool IsLive => Key.Contains("_live_", StringComparison.Ordinal);

    /// <returns>null: Stripe is not used.</returns>
    /// <exception cref="SettingException">A setting is invalid; the message names it, without its value.</exception>
    public static StripeSettings? Read(IConfiguration configuration, bool sandbox)
    {
        if (configuration[KeyName] is not { Length: > 0 } key)
        {
            return null;
        }

        if (!KeyForm().IsMatch(key))
        {
            throw new SettingException($"{KeyName} is not a secret key of Stripe: it starts with sk_test_, sk_live_ or rk_live_.");
        }

        if (sandbox && !key.StartsWith("sk_test_", StringComparison.Ordinal))
        {
            throw new SettingException($"{KeyName} is not a test key: a sandbox accepts only keys that start with sk_test_, because its clock would charge real customers.");
        }

        var secrets = (configuration[SecretName] ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (secrets.Length is < 1 or > 2 || !secrets.All(secret => secret.StartsWith("whsec_", StringComparison.Ordinal)))
        {
            throw new SettingException($"{SecretName} is needed with {KeyName}: enter the signing secret of the webhook endpoint, which starts with whsec_, or two separated by a comma during a rotation.");
        }

        var settings = new StripeSettings(key, secrets, Address(configuration[ApiName]));
        return settings is { IsLive: true, Api: not null }
            ? throw new SettingException($"{ApiName} is for tests: remove it, or use a key that starts with sk_test_.")
            : settings;
    }

    static Uri? Address(string? value) => value switch
    {
        null or "" => null,
        _ when Uri.TryCreate(value, UriKind.Absolute, out var address) && address.Scheme is "http" or "https" => address,
        _ => throw new SettingException($"{ApiName} is \"{value}\": enter an address such as http://127.0.0.1:12111."),
    };

    [GeneratedRegex(@"\A(?:sk|rk)_(?:test|live)_[A-Za-z0-9]{8,250}\z")]
    private static partial Regex KeyForm();
}
