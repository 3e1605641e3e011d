using Microsoft.Extensions.Hosting;

namespace ControlPlane.Lambda.Hosting;

/// <summary>A function with the services built from its current settings.</summary>
/// <param name="host">Already started; stopped when the function is disposed.</param>
abstract class Function(IHost host) : IAsyncDisposable
{
    public IServiceProvider Services => host.Services;

    /// <summary>How long before Lambda's timeout an invocation has to stop, so that there is time to roll back and respond.</summary>
    public abstract TimeSpan Margin { get; }

    /// <summary>Events that exercise the function without a database, to load and compile its code before a snapshot.</summary>
    public virtual IReadOnlyList<string> WarmupEvents => [];

    /// <param name="input">The event, as JSON.</param>
    /// <returns>The response, as JSON.</returns>
    public abstract Task<Stream> HandleAsync(Stream input, Invocation invocation);

    public async ValueTask DisposeAsync()
    {
        await host.StopAsync();
        await ((IAsyncDisposable)host).DisposeAsync();
    }
}

/// <summary>Builds a function and starts it.</summary>
/// <exception cref="SettingException">A setting is missing or wrong; the message names it and says what to set.</exception>
delegate Task<Function> Compose(FunctionEnvironment environment);

/// <summary>What a function gets from the process that runs it.</summary>
sealed record FunctionEnvironment(IConfiguration Configuration, LogLines Log)
{
    /// <summary>Replaces services that need AWS; for tests.</summary>
    public Action<IServiceCollection> ConfigureTestServices { get; init; } = _ => { };
}
