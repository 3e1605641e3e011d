using Amazon.Lambda.AspNetCoreServer;
using Amazon.Lambda.AspNetCoreServer.Internal;
using ControlPlane.Aws.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Aws.Web;

/// <summary>Part of the application behind CloudFront and API Gateway.</summary>
sealed class HttpFunction : IAsyncDisposable
{
    /// <summary>To write an answer that says that the time was up.</summary>
    public static readonly TimeSpan Margin = TimeSpan.FromSeconds(1);

    readonly WebApplication _app;
    readonly Proxy _proxy;

    HttpFunction(WebApplication app) => (_app, _proxy) = (app, new Proxy(app.Services));

    public IServiceProvider Services => _app.Services;

    public static WebApplicationBuilder NewBuilder(Surroundings around)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.AddConfiguration(around.Configuration);
        builder.Services.AddSingleton<IServer, LambdaServer>();
        return builder;
    }

    /// <summary>Builds it, with what belongs to this way of being reached before all else.</summary>
    public static WebApplication Build(WebApplicationBuilder builder, Surroundings around)
    {
        builder.Services.AddSingleton(OriginTokens.Read(builder.Configuration));
        builder.Services.AddAws(around);
        var app = builder.Build();
        app.UseMiddleware<NudgeAfterwards>();
        app.UseMiddleware<StopInTime>();
        app.UseMiddleware<ThroughCloudFront>();
        return app;
    }

    public static async Task<HttpFunction> StartAsync(WebApplication app)
    {
        await app.StartAsync();
        return new HttpFunction(app);
    }

    public async Task<Stream> HandleAsync(GatewayEvent request, Invocation invocation) =>
        EventsJson.Write(await _proxy.FunctionHandlerAsync(request, invocation.Context));

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    /// <summary>Between API Gateway's events and ASP.NET Core.</summary>
    sealed class Proxy(IServiceProvider services) : APIGatewayHttpApiV2ProxyFunction(services);
}
