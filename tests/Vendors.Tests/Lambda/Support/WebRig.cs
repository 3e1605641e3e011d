using System.Net;
using System.Net.Http.Headers;
using Amazon.Lambda.AspNetCoreServer;
using ControlPlane.Lambda.Hosting;
using ControlPlane.Lambda.Web;
using Microsoft.AspNetCore.Hosting;

namespace ControlPlane.Tests.Lambda;

/// <summary>
/// A function's web application on Kestrel instead of Lambda's server. The pipeline from the origin token to the endpoint is real and can be called
/// over HTTP.
/// </summary>
sealed class WebRig : IAsyncDisposable
{
    readonly WebApplication _app;

    WebRig(WebApplication app)
    {
        _app = app;
        Direct = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = new Uri(app.Urls.Single()) };
        CloudFront = NewClient(key: null);
        Operator = NewClient(LambdaRig.OperatorKey);
    }

    /// <summary>Calls the origin directly, without its token.</summary>
    public HttpClient Direct { get; }

    /// <summary>Calls the origin like CloudFront, with its token.</summary>
    public HttpClient CloudFront { get; }

    public HttpClient Operator { get; }
    public IServiceProvider Services => _app.Services;

    /// <param name="remaining">Until Lambda's timeout.</param>
    public static async Task<WebRig> StartAsync(FunctionEnvironment environment, Func<WebApplicationBuilder, FunctionEnvironment, WebApplication> build, TimeSpan? remaining = null)
    {
        var builder = HttpFunction.NewBuilder(environment);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        builder.Services.AddSingleton<IStartupFilter>(new InLambda(remaining ?? TimeSpan.FromSeconds(29)));
        var app = build(builder, environment);
        await app.StartAsync();
        return new WebRig(app);
    }

    /// <param name="key">Sent as Bearer; null: none.</param>
    public HttpClient NewClient(string? key)
    {
        var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = Direct.BaseAddress };
        client.DefaultRequestHeaders.Add("X-Origin-Token", LambdaRig.OriginToken);
        client.DefaultRequestHeaders.Authorization = key is null ? null : new AuthenticationHeaderValue("Bearer", key);
        return client;
    }

    public async ValueTask DisposeAsync()
    {
        Direct.Dispose();
        CloudFront.Dispose();
        Operator.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    /// <summary>Adds the Lambda context to each request.</summary>
    sealed class InLambda(TimeSpan remaining) : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use((context, after) =>
            {
                context.Items[AbstractAspNetCoreFunction.LAMBDA_CONTEXT] = new FakeContext(remaining);
                return after(context);
            });
            next(app);
        };
    }
}
