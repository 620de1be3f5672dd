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
        new PredictedAnswers(ScenarioNames.Predicted, streams: 1, Prediction.Right, target: 1.6, scale),
        new PredictedAnswers(ScenarioNames.PredictedEight, streams: 8, Prediction.Right, target: 1, scale),
        new PredictedAnswers(ScenarioNames.PredictedSixteen, streams: 16, Prediction.Right, target: 1, scale),
        new PredictedAnswers(ScenarioNames.Edited, streams: 1, Prediction.Edited, target: 1.1, scale),
        new PredictedAnswers(ScenarioNames.EditedEight, streams: 8, Prediction.Edited, target: 1, scale),
        new PredictedAnswers(ScenarioNames.Repeated, streams: 1, Prediction.Repeated, target: 1.1, scale),
        new PredictedAnswers(ScenarioNames.Mispredicted, streams: 1, Prediction.Wrong, target: 0.98, scale),
        new PredictedAnswers(ScenarioNames.MispredictedSixteen, streams: 16, Prediction.Wrong, target: 0.98, scale),
        new PredictedAnswers(ScenarioNames.Drafted, streams: 1, Prediction.Model, target: 1, scale),
        new PredictedAnswers(ScenarioNames.UnpredictedSixteen, streams: 16, Prediction.None, target: 0.98, scale),
    ];
}
