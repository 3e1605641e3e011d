using Amazon.Lambda.AspNetCoreServer;
using Amazon.Lambda.AspNetCoreServer.Internal;
using Microsoft.AspNetCore.Hosting.Server;

namespace ControlPlane.Lambda.Web;

/// <summary>Part of the application behind CloudFront and API Gateway.</summary>
abstract class HttpFunction(WebApplication app) : Function(app)
{
    /// <summary>To write an answer that says that the time was up.</summary>
    public static readonly TimeSpan TimeToAnswer = TimeSpan.FromSeconds(1);

    readonly Proxy _proxy = new(app.Services);

    public override TimeSpan Margin => TimeToAnswer;

    public static WebApplicationBuilder NewBuilder(FunctionEnvironment around)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.AddConfiguration(around.Configuration);
        builder.Services.AddSingleton<IServer, LambdaServer>();
        return builder;
    }

    /// <summary>Builds it, with what belongs to this way of being reached before all else.</summary>
    protected static WebApplication BehindCloudFront(WebApplicationBuilder builder, FunctionEnvironment around)
    {
        builder.Services.AddSingleton(OriginTokens.Read(builder.Configuration));
        builder.Services.AddAws(around);
        var app = builder.Build();
        app.UseMiddleware<FlushNotificationsMiddleware>();
        app.UseMiddleware<InvocationDeadlineMiddleware>();
        app.UseMiddleware<ThroughCloudFront>();
        return app;
    }

    protected async Task<Stream> AnswerAsync(GatewayEvent request, Invocation invocation) =>
        EventsJson.Write(await _proxy.FunctionHandlerAsync(request, invocation.Context));

    /// <summary>Between API Gateway's events and ASP.NET Core.</summary>
    sealed class Proxy(IServiceProvider services) : APIGatewayHttpApiV2ProxyFunction(services);
}
