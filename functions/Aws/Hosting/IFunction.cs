using Microsoft.Extensions.Configuration;

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

/// <summary>Makes a function out of settings, and starts it.</summary>
/// <param name="log">Where its log lines go.</param>
delegate Task<IFunction> Compose(IConfiguration configuration, LogLines log);
