using System.Text;
using Amazon.Lambda.Core;

namespace ControlPlane.Lambda.Hosting;

/// <summary>Placeholder settings and requests, to warm a function up before it has secrets or callers.</summary>
static class WarmupRequests
{
    /// <summary>A database that does not exist, a key of zeros, and a token that is valid for the warm-up only.</summary>
    public static IReadOnlyDictionary<string, string?> Settings { get; } = new Dictionary<string, string?>
    {
        ["CONTROLPLANE_DATABASE"] = "Host=127.0.0.1;Port=1;Database=warmup;Username=warmup;Password=warmup",
        ["CONTROLPLANE_SECRETS_KEY"] = Convert.ToBase64String(new byte[32]),
        [OriginTokens.Setting] = OriginToken,
        ["CONTROLPLANE_SMTP"] = "smtp://127.0.0.1:1",
        ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "",
    };

    const string OriginToken = "warmup";

    /// <summary>A request in the format of API Gateway.</summary>
    public static string Request(string method, string path, string? json = null) => Encoding.UTF8.GetString(EventsJson.Write(new GatewayEvent
    {
        Version = "2.0",
        RouteKey = "$default",
        RawPath = path,
        RawQueryString = "",
        Headers = new Dictionary<string, string>
        {
            ["accept"] = "text/html,application/json",
            ["content-type"] = "application/json",
            ["x-forwarded-for"] = "192.0.2.1, 192.0.2.2",
            ["x-origin-token"] = OriginToken,
        },
        RequestContext = new()
        {
            DomainName = "localhost",
            Stage = "$default",
            Http = new() { Method = method, Path = path, Protocol = "HTTP/1.1", SourceIp = "192.0.2.2" },
        },
        Body = json,
    }).ToArray());

    public sealed class Context : ILambdaContext
    {
        public string AwsRequestId => "warmup";
        public IClientContext? ClientContext => null;
        public string FunctionName => "";
        public string FunctionVersion => "";
        public ICognitoIdentity? Identity => null;
        public string InvokedFunctionArn => "";
        public ILambdaLogger? Logger => null;
        public string LogGroupName => "";
        public string LogStreamName => "";
        public int MemoryLimitInMB => 0;
        public TimeSpan RemainingTime => TimeSpan.FromSeconds(10);
    }
}
