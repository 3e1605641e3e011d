using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.Extensions.Options;

namespace ControlPlane.Web.Shared;

/// <summary>Services and routes of the pages.</summary>
public static class PortalServices
{
    public static void AddPortal(this IServiceCollection services)
    {
        services.AddAntiforgery(form => (form.Cookie.Name, form.Cookie.SecurePolicy) = ("antiforgery", CookieSecurePolicy.SameAsRequest));
        services.AddDataProtection().SetApplicationName("controlplane");
        services.AddSingleton<IConfigureOptions<KeyManagementOptions>, DataProtectionKeys>();
        services.AddRazorComponents();
        // First, because the framework's own writer accepts any Accept header of a browser.
        services.Insert(0, ServiceDescriptor.Singleton<IProblemDetailsWriter, ErrorPages>());
    }

    internal static void MapPortal(this IEndpointRouteBuilder routes)
    {
        routes.MapAssets();
        routes.MapMemberPages();
        routes.MapEnvironmentPages();
        routes.MapKeyPages();
        routes.MapMemberListPages();
        routes.MapLimitPages();
        routes.MapWebhookPages();
        routes.MapOperatorPages();
    }
}
