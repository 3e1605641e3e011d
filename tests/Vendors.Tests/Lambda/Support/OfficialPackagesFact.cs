using Amazon.Lambda.AspNetCoreServer;

namespace ControlPlane.Tests.Lambda;

/// <summary>
/// A test that needs working Amazon.Lambda packages. It is skipped where these are compile-time only.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class OfficialPackagesFactAttribute : FactAttribute
{
    static readonly Lazy<bool> PackagesAreOfficial = new(AreOfficial);

    public OfficialPackagesFactAttribute()
    {
        if (!PackagesAreOfficial.Value)
        {
            Skip = "The Amazon.Lambda packages here are compile-time only.";
        }
    }

    // A call that the official packages support outside Lambda.
    static bool AreOfficial()
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
