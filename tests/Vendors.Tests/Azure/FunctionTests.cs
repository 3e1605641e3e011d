using ControlPlane.AzureFunctions;
using Microsoft.Azure.Functions.Worker;

namespace ControlPlane.Tests.Azure;

public sealed class FunctionTests
{
    [Fact]
    public void Every_job_has_a_timer_of_its_name_and_schedule_and_there_are_no_others() => Assert.Equal(
        JobSchedules.All.Select(job => (job.Name, $"0 {job.Cron}")).Order(),
        FoundFunction.All.Where(function => function.Trigger is TimerTriggerAttribute)
            .Select(function => (function.Name, ((TimerTriggerAttribute)function.Trigger).Schedule)).Order());

    [Fact]
    public void The_one_public_function_takes_every_address_and_leaves_the_keys_to_the_application()
    {
        var http = Assert.Single(FoundFunction.All, function => function.Trigger is HttpTriggerAttribute);
        var trigger = (HttpTriggerAttribute)http.Trigger;
        Assert.Equal((typeof(HttpFunction), "{*path}", AuthorizationLevel.Anonymous), (http.Method.DeclaringType, trigger.Route, trigger.AuthLevel));
    }

    [Fact]
    public void The_worker_can_find_and_call_every_function()
    {
        Assert.All(FoundFunction.All, function =>
        {
            Assert.True(function.Method.DeclaringType!.IsPublic && function.Method.IsPublic);
            Assert.Equal(typeof(Task), function.Method.ReturnType);
            Assert.Matches("^[a-z][a-z0-9_]*$", function.Name);
        });
        Assert.Equal(FoundFunction.All.Count, FoundFunction.All.DistinctBy(function => function.Name).Count());
    }
}
