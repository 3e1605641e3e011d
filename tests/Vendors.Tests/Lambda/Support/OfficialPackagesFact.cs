using Amazon.Lambda.AspNetCoreServer;

namespace ControlPlane.Tests.Lambda;

/// <summary>
/// A test that needs what Amazon.Lambda's packages do, and not only their types. Where these can only be compiled against, it is left out, and
/// the run says so.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class OfficialPackagesFactAttribute : FactAttribute
{
    static readonly Lazy<bool> s_work = new(Work);

    public OfficialPackagesFactAttribute()
    {
        if (!s_work.Value)
        {
            Skip = "Left out: the packages Amazon.Lambda.* here have their types, but do not work.";
        }
    }

    // One call that the packages answer without being in Lambda.
    static bool Work()
    {
        try
        {
            return new Proxy(new ServiceCollection().AddLogging().BuildServiceProvider()).GetResponseContentEncodingForContentType("application/pdf") == ResponseContentEncoding.Base64;
        }
        catch (NotSupportedException)
        {
            return false;
        }
    }

    sealed class Proxy(IServiceProvider services) : APIGatewayHttpApiV2ProxyFunction(services);
}
