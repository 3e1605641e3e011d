using System.Diagnostics;
using Amazon.Lambda.Core;

namespace ControlPlane.Tests.Lambda;

/// <summary>An invocation with a timeout.</summary>
sealed class FakeContext(TimeSpan remaining) : ILambdaContext
{
    readonly long _started = Stopwatch.GetTimestamp();

    public string AwsRequestId { get; init; } = "8f507cfc-xmpl-4697-b07a-ac58fc914c95";
    public TimeSpan RemainingTime => remaining - Stopwatch.GetElapsedTime(_started);
    public IClientContext? ClientContext => null;
    public string FunctionName => "controlplane-prod-api";
    public string FunctionVersion => "1";
    public ICognitoIdentity? Identity => null;
    public string InvokedFunctionArn => "arn:aws:lambda:eu-central-1:111122223333:function:controlplane-prod-api:live";
    public ILambdaLogger? Logger => null;
    public string LogGroupName => "/aws/lambda/controlplane-prod-api";
    public string LogStreamName => "";
    public int MemoryLimitInMB => 1024;
}
