namespace ControlPlane.Catalog.Models;

/// <summary>A route in force that is to be checked.</summary>
/// <param name="MemoryMib">What its model needs; null: not known.</param>
public sealed record RouteToCheck(Guid Id, string Model, bool IsLocal, string Provider, string GatewayModel, string? Endpoint, int? MemoryMib);

/// <summary>Finds out whether routes answer, without a call that costs something.</summary>
public interface IModelHealth
{
    /// <returns>One result per route, each as soon as it is known. A provider that does not answer delays no other.</returns>
    IAsyncEnumerable<CheckedRoute> CheckAsync(IReadOnlyList<RouteToCheck> routes, CancellationToken ct);
}

/// <param name="Reason">For the operator, and without secrets; null: there is nothing to say.</param>
public sealed record CheckedRoute(Guid Route, RouteState State, string? Reason);

public enum RouteState
{
    Ready,
    /// <summary>The provider or the Ollama does not have the model.</summary>
    Missing,
    Unreachable,
    NoKey,
    /// <summary>The model needs more memory than the Ollama has.</summary>
    TooLarge,
    /// <summary>It cannot be checked from here.</summary>
    NotChecked,
}

public static class RouteStates
{
    /// <summary>How a state is stored and shown: <c>no_key</c>.</summary>
    public static string Text(this RouteState state) => state switch
    {
        RouteState.Ready => "ready",
        RouteState.Missing => "missing",
        RouteState.Unreachable => "unreachable",
        RouteState.NoKey => "no_key",
        RouteState.TooLarge => "too_large",
        RouteState.NotChecked => "not_checked",
        _ => throw new ArgumentOutOfRangeException(nameof(state), state, "Not a state of a route."),
    };
}
