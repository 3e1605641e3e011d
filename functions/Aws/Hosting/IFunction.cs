using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace ControlPlane.Aws.Hosting;

/// <summary>A function as it is composed from one state of its settings.</summary>
interface IFunction : IAsyncDisposable
{
    IServiceProvider Services { get; }

    /// <summary>How long before Lambda would end it, an invocation has to stop by itself: time to roll back, and to answer.</summary>
    TimeSpan Margin { get; }

    /// <summary>Events that go through as much of the function as needs no database: they make a snapshot warm.</summary>
    IReadOnlyList<string> Rehearsal { get; }

    /// <param name="input">The event, as JSON.</param>
    /// <returns>The answer, as JSON.</returns>
    Task<Stream> HandleAsync(Stream input, Invocation invocation);
}

/// <summary>Makes a function for its surroundings, and starts it.</summary>
/// <exception cref="ControlPlane.Http.Hosting.SettingException">A setting is missing or wrong; the message names it and says what to set.</exception>
delegate Task<IFunction> Compose(Surroundings around);

/// <summary>What a function finds where it runs.</summary>
/// <param name="Log">Where its log lines go.</param>
sealed record Surroundings(IConfiguration Configuration, LogLines Log)
{
    /// <summary>Services in the place of those that need AWS: for tests.</summary>
    public Action<IServiceCollection> Bring { get; init; } = _ => { };
}
