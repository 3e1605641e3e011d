using Amazon.Lambda.AspNetCoreServer;
using Amazon.Lambda.AspNetCoreServer.Internal;
using ControlPlane.Aws.Hosting;
using ControlPlane.Aws.Work;
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
    readonly Nudges _nudges;

    HttpFunction(WebApplication app) => (_app, _proxy, _nudges) = (app, new Proxy(app.Services), app.Services.GetRequiredService<Nudges>());

    public IServiceProvider Services => _app.Services;

    public static WebApplicationBuilder NewBuilder(IConfiguration configuration)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.AddConfiguration(configuration);
        builder.Services.AddSingleton<IServer, LambdaServer>();
        return builder;
    }

    /// <summary>Builds it, with what belongs to this way of being reached before all else.</summary>
    public static WebApplication Build(WebApplicationBuilder builder, LogLines log)
    {
        builder.Services.AddSingleton(OriginTokens.Read(builder.Configuration));
        builder.Services.AddAws(builder.Configuration, log);
        var app = builder.Build();
        app.UseMiddleware<StopInTime>();
        app.UseMiddleware<ThroughCloudFront>();
        return app;
    }

    public static async Task<HttpFunction> StartAsync(WebApplication app)
    {
        await app.StartAsync();
        return new HttpFunction(app);
    }

    public async Task<Stream> HandleAsync(GatewayEvent request, Invocation invocation)
    {
        try
        {
            return EventsJson.Write(await _proxy.FunctionHandlerAsync(request, invocation.Context));
        }
        finally
        {
            await _nudges.SendAsync(invocation.Deadline);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    /// <summary>Between API Gateway's events and ASP.NET Core.</summary>
    sealed class Proxy(IServiceProvider services) : APIGatewayHttpApiV2ProxyFunction(services);
}
