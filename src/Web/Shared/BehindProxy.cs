using Microsoft.AspNetCore.HttpOverrides;

namespace ControlPlane.Web.Shared;

/// <summary>
/// Client address (for rate limits) and scheme (for cookies and HSTS) from the headers of a proxy. Trusted only when the setting says that
/// there is a proxy, because anyone can send these headers.
/// </summary>
static class BehindProxy
{
    const string Setting = "ASPNETCORE_FORWARDEDHEADERS_ENABLED";

    public static void AddForwardedHeaders(this IServiceCollection services, IConfiguration configuration) =>
        services.Configure<ForwardedHeadersOptions>(proxy =>
        {
            proxy.ForwardedHeaders = string.Equals(configuration[Setting], "true", StringComparison.OrdinalIgnoreCase)
                ? ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto
                : ForwardedHeaders.None;
            // One proxy at any address: only the last entry of the header counts, which the nearest proxy added.
            proxy.KnownIPNetworks.Clear();
            proxy.KnownProxies.Clear();
        });
}
