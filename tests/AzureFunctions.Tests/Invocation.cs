using Microsoft.Azure.Functions.Worker;

namespace ControlPlane.AzureFunctions.Tests;

/// <summary>An invocation of a function, with the members that our functions use.</summary>
sealed class Invocation(IServiceProvider services, CancellationToken timeout) : FunctionContext
{
    public override string InvocationId { get; } = "1";
    public override string FunctionId => "http";
    public override CancellationToken CancellationToken => timeout;
    public override IServiceProvider InstanceServices { get => services; set => throw new NotSupportedException(); }
    public override IDictionary<object, object> Items { get; set; } = new Dictionary<object, object>();
    public override TraceContext TraceContext => throw new NotSupportedException();
    public override BindingContext BindingContext => throw new NotSupportedException();
    public override RetryContext RetryContext => throw new NotSupportedException();
    public override FunctionDefinition FunctionDefinition => throw new NotSupportedException();
    public override IInvocationFeatures Features => throw new NotSupportedException();
}
