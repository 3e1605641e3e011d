namespace ControlPlane.AzureFunctions.Tests;

public sealed class FunctionMetadataTests
{
    [Fact]
    public void Every_job_has_a_timer_with_its_name_and_schedule_and_there_are_no_other_timers() => Assert.Equal(
        JobSchedules.All.Select(job => (job.Name, $"0 {job.Cron}")).Order(),
        OfType("timerTrigger").Select(function => (function.Name, function.Schedule!)).Order());

    [Fact]
    public void Jobs_that_drain_a_queue_run_every_minute_and_all_others_are_retried_after_a_failure()
    {
        var timers = OfType("timerTrigger").ToDictionary(function => function.Name);
        Assert.All(JobSchedules.All, job => Assert.Equal(job.DrainsQueue ? ("0 * * * * *", 0) : (timers[job.Name].Schedule, 3), (timers[job.Name].Schedule, timers[job.Name].Retries)));
    }

    [Fact]
    public void Queue_triggers_read_the_queues_that_the_application_writes_to() => Assert.Equal(
        [("provision_queued", ProvisioningQueue.Name), ("usage_queued", UsageQueue.Name)],
        OfType("queueTrigger").Select(function => (function.Name, function.QueueName)).Order());

    [Fact]
    public void One_anonymous_HTTP_trigger_matches_every_path() =>
        Assert.Equal(("http", "{*path}", "Anonymous"), (FunctionMetadata.Http.Name, FunctionMetadata.Http.Route, FunctionMetadata.Http.AuthLevel));

    [Fact]
    public void There_are_no_other_functions() =>
        Assert.Equal(JobSchedules.All.Count + 3, FunctionMetadata.All.Count);

    static IEnumerable<FunctionMetadata> OfType(string type) => FunctionMetadata.All.Where(function => function.Type == type);
}
