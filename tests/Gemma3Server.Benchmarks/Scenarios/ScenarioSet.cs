namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>All scenarios, in the order of the issue; <c>long-streams</c> is its second on long contexts.</summary>
internal static class ScenarioSet
{
    public static IReadOnlyList<Scenario> Create(Scale scale) =>
    [
        new SteadyStreams(ScenarioNames.Single, streams: 1, prompt: 64, tokens: 256, target: 0.97, scale),
        new SteadyStreams(ScenarioNames.Sixteen, streams: 16, prompt: 64, tokens: 128, target: 0.92, scale),
        new SteadyStreams(ScenarioNames.LongStreams, streams: 8, prompt: scale.Of(2000), tokens: 64, target: null, scale),
        new ChurningUsers(scale),
        new ColdBurst(scale),
        new SharedSystem(scale),
        new LongArrivals(scale),
        new ManyConversations(scale),
        new IdleFirstToken(scale),
        new PoissonUsers(scale),
        new PredictedAnswers(ScenarioNames.Predicted, streams: 1, wrong: false, scale),
        new PredictedAnswers(ScenarioNames.PredictedEight, streams: 8, wrong: false, scale),
        new PredictedAnswers(ScenarioNames.Mispredicted, streams: 1, wrong: true, scale),
        new PredictedAnswers(ScenarioNames.MispredictedEight, streams: 8, wrong: true, scale),
    ];
}
