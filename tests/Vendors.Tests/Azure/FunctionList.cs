using System.Reflection;
using ControlPlane.AzureFunctions;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Extensions.Abstractions;

namespace ControlPlane.Tests.Azure;

/// <summary>A function as the worker finds it: by its attributes.</summary>
sealed record FoundFunction(string Name, MethodInfo Method, TriggerBindingAttribute Trigger)
{
    public static IReadOnlyList<FoundFunction> All { get; } =
        [.. typeof(HttpFunction).Assembly.GetTypes().SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static))
            .Select(method => (Method: method, Function: method.GetCustomAttribute<FunctionAttribute>()))
            .Where(found => found.Function is not null)
            .Select(found => new FoundFunction(found.Function!.Name, found.Method, TriggerOf(found.Method)))];

    static TriggerBindingAttribute TriggerOf(MethodInfo method) =>
        method.GetParameters().Select(parameter => parameter.GetCustomAttribute<TriggerBindingAttribute>()).Single(trigger => trigger is not null)!;
}
