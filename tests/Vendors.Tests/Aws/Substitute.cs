using System.Reflection;

namespace ControlPlane.Tests.Aws;

/// <summary>
/// A stand-in for a service's client. Service clients have dozens of methods of the form <c>Task&lt;XResponse&gt; XAsync(XRequest, token)</c>; this one
/// passes every call to one function, and rejects methods of any other form.
/// </summary>
public class Substitute : DispatchProxy
{
    static readonly MethodInfo Respond = typeof(Substitute).GetMethod(nameof(RespondAsync), BindingFlags.Instance | BindingFlags.NonPublic)!;

    Func<string, object, Task<object>> _respond = null!;

    /// <param name="respond">Takes the operation's name (<c>CreateSecret</c>) and its request, and returns the response or throws the service's exception.</param>
    public static TService For<TService>(Func<string, object, Task<object>> respond) where TService : class
    {
        var service = Create<TService, Substitute>();
        ((Substitute)(object)service)._respond = respond;
        return service;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
        targetMethod is { ReturnType.IsGenericType: true } && args is [{ } request, CancellationToken ct]
            ? Respond.MakeGenericMethod(targetMethod.ReturnType.GetGenericArguments()).Invoke(this, [targetMethod.Name[..^"Async".Length], request, ct])
            : throw new NotSupportedException($"{targetMethod?.DeclaringType?.Name}.{targetMethod?.Name} is not substituted.");

    async Task<TResponse> RespondAsync<TResponse>(string operation, object request, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        return (TResponse)await _respond(operation, request);
    }
}
