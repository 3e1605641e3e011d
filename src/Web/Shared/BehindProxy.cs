using Microsoft.AspNetCore.HttpOverrides;

namespace ControlPlane.Web.Shared;

/// <summary>
/// What a proxy in front of us says of the client: its address, which rate limits count by, and whether it came by HTTPS, which cookies
/// and HSTS depend on. Believed only when the setting says that there is a proxy: anyone can send these headers.
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
            // One proxy, wherever it is: only what the nearest one added counts, the last entry of the header.
            proxy.KnownIPNetworks.Clear();
            proxy.KnownProxies.Clear();
        });
}
