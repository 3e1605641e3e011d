using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.Extensions.Options;

namespace ControlPlane.Web.Shared;

/// <summary>The pages: what they are rendered and guarded with, and their addresses.</summary>
public static class PortalServices
{
    public static void AddPortal(this IServiceCollection services)
    {
        services.AddAntiforgery(form => (form.Cookie.Name, form.Cookie.SecurePolicy) = ("antiforgery", CookieSecurePolicy.SameAsRequest));
        services.AddDataProtection().SetApplicationName("controlplane");
        services.AddSingleton<IConfigureOptions<KeyManagementOptions>, StoreKeysInDatabase>();
        services.AddRazorComponents();
        // Asked first: the framework's own writer takes whatever a browser accepts.
        services.Insert(0, ServiceDescriptor.Singleton<IProblemDetailsWriter, ErrorPages>());
    }

    internal static void MapPortal(this IEndpointRouteBuilder routes)
    {
        routes.MapAssets();
        routes.MapAppPages();
        routes.MapEnvironmentPages();
        routes.MapKeyPages();
        routes.MapMemberListPages();
        routes.MapLimitPages();
        routes.MapWebhookPages();
        routes.MapAdminPages();
    }
}
