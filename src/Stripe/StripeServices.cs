using ControlPlane.Billing.Payments;
using ControlPlane.Platform;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Stripe;

public static class StripeServices
{
    /// <summary>Collects payments with Stripe when CONTROLPLANE_STRIPE_KEY is set.</summary>
    /// <exception cref="SettingException">A setting is invalid; the message names it and says what to set.</exception>
    public static void AddStripe(this IServiceCollection services, IConfiguration configuration)
    {
        var isSandbox = string.Equals(configuration["CONTROLPLANE_SANDBOX"], "true", StringComparison.OrdinalIgnoreCase);
        if (StripeSettings.Read(configuration, isSandbox) is { } settings)
        {
            services.AddSingleton<IPaymentProvider>(_ => new StripePayments(settings));
        }
    }
}
