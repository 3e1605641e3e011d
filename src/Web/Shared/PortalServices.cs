using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.CookiePolicy;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.Extensions.Options;

namespace ControlPlane.Web.Shared;

/// <summary>Services and routes of the pages.</summary>
public static class PortalServices
{
    public static void AddPortal(this IServiceCollection services)
    {
        services.AddAntiforgery(form => form.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest);
        services.AddOptions<AntiforgeryOptions>().Configure<PortalCookies>((form, cookies) => form.Cookie.Name = cookies.Antiforgery);
        services.AddOptions<CookiePolicyOptions>().Configure<ControlPlaneOptions>(SetCookiePolicy);
        services.AddDataProtection().SetApplicationName("controlplane");
        services.AddSingleton<IConfigureOptions<KeyManagementOptions>, DataProtectionKeys>();
        services.AddSingleton<KnownBrowsers>();
        services.AddRazorComponents();
        // First, because the framework's own writer accepts any Accept header of a browser.
        services.Insert(0, ServiceDescriptor.Singleton<IProblemDetailsWriter, ErrorPages>());
    }

    // Of every cookie, whoever sets it. Secure does not depend on the request: a proxy may speak http to this process.
    static void SetCookiePolicy(CookiePolicyOptions policy, ControlPlaneOptions options)
    {
        policy.HttpOnly = HttpOnlyPolicy.Always;
        policy.MinimumSameSitePolicy = SameSiteMode.Lax;
        policy.Secure = PortalCookies.IsHttps(options) ? CookieSecurePolicy.Always : CookieSecurePolicy.SameAsRequest;
    }

    internal static void MapPortal(this IEndpointRouteBuilder routes)
    {
        routes.MapAssets();
        routes.MapMemberPages();
        routes.MapInvoicePages();
        routes.MapBillingPages();
        routes.MapPaymentMethodPages();
        routes.MapPayPages();
        routes.MapPlanPages();
        routes.MapEnvironmentPages();
        routes.MapWeightsPages();
        routes.MapKeyPages();
        routes.MapMemberListPages();
        routes.MapOrganizationPages();
        routes.MapAccountPages();
        routes.MapLimitPages();
        routes.MapWebhookPages();
        routes.MapOperatorPages();
    }
}
