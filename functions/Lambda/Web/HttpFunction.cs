using Amazon.Lambda.APIGatewayEvents;
using Amazon.Lambda.AspNetCoreServer;
using Amazon.Lambda.AspNetCoreServer.Internal;
using Amazon.Lambda.Core;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;

namespace ControlPlane.Lambda.Web;

/// <summary>Part of the application behind CloudFront and API Gateway.</summary>
abstract class HttpFunction(WebApplication app) : Function(app)
{
    /// <summary>Time to write a response that reports the timeout.</summary>
    public static readonly TimeSpan ResponseMargin = TimeSpan.FromSeconds(1);

    readonly Proxy _proxy = new(app.Services);

    public override TimeSpan Margin => ResponseMargin;

    public static WebApplicationBuilder NewBuilder(FunctionEnvironment environment)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.AddConfiguration(environment.Configuration);
        builder.Services.AddSingleton<IServer, LambdaServer>();
        return builder;
    }

    /// <summary>Builds the application with the middleware for CloudFront and Lambda first.</summary>
    protected static WebApplication BuildBehindCloudFront(WebApplicationBuilder builder, FunctionEnvironment environment)
    {
        builder.Services.AddSingleton(OriginTokens.Read(builder.Configuration));
        builder.Services.AddAws(environment);
        var app = builder.Build();
        app.UseMiddleware<FlushNotificationsMiddleware>();
        app.UseMiddleware<InvocationDeadlineMiddleware>();
        app.UseMiddleware<CloudFrontMiddleware>();
        return app;
    }

    protected async Task<Stream> ServeAsync(GatewayEvent request, Invocation invocation) =>
        EventsJson.Write(await _proxy.FunctionHandlerAsync(request, invocation.Context));

    /// <summary>Converts between API Gateway's events and ASP.NET Core.</summary>
    sealed class Proxy(IServiceProvider services) : APIGatewayHttpApiV2ProxyFunction(services)
    {
        // API Gateway has decoded the path, and the base class decodes it again.
        protected override void PostMarshallRequestFeature(IHttpRequestFeature request, APIGatewayHttpApiV2ProxyRequest gatewayRequest, ILambdaContext context)
        {
            request.Path = gatewayRequest.RawPath;
            request.RawTarget = string.Join('/', gatewayRequest.RawPath.Split('/').Select(Uri.EscapeDataString)) + request.QueryString;
        }
    }
}
