using Microsoft.Extensions.Hosting;

namespace ControlPlane.Lambda.Hosting;

/// <summary>A function as it is composed from one state of its settings.</summary>
/// <param name="host">Started; stopped with the function.</param>
abstract class Function(IHost host) : IAsyncDisposable
{
    public IServiceProvider Services => host.Services;

    /// <summary>How long before Lambda would end it, an invocation has to stop by itself: time to roll back, and to answer.</summary>
    public abstract TimeSpan Margin { get; }

    /// <summary>Events that go through as much of the function as needs no database: they make a snapshot warm.</summary>
    public virtual IReadOnlyList<string> WarmupEvents => [];

    /// <param name="input">The event, as JSON.</param>
    /// <returns>The answer, as JSON.</returns>
    public abstract Task<Stream> HandleAsync(Stream input, Invocation invocation);

    public async ValueTask DisposeAsync()
    {
        await host.StopAsync();
        await ((IAsyncDisposable)host).DisposeAsync();
    }
}

/// <summary>Makes a function for its surroundings, and starts it.</summary>
/// <exception cref="ControlPlane.Web.Shared.SettingException">A setting is missing or wrong; the message names it and says what to set.</exception>
delegate Task<Function> Compose(FunctionEnvironment around);

/// <summary>What a function finds where it runs.</summary>
/// <param name="Log">Where its log lines go.</param>
sealed record FunctionEnvironment(IConfiguration Configuration, LogLines Log)
{
    /// <summary>Services in the place of those that need AWS: for tests.</summary>
    public Action<IServiceCollection> ConfigureTestServices { get; init; } = _ => { };
}
