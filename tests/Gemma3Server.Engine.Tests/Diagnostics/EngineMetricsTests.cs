using System.Diagnostics.Metrics;
using Gemma3Server.Engine.Diagnostics;

namespace Gemma3Server.Engine.Tests.Diagnostics;

public sealed class EngineMetricsTests
{
    [Fact]
    public void Meter_SeveralEngines_AreToldApartByTheirModel()
    {
        var steps = new Dictionary<string, long>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, to) =>
            {
                if (instrument.Meter.Name == EngineMetrics.MeterName && instrument.Name == "gemma3.steps") to.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) =>
        {
            var model = $"{instrument.Meter.Tags!.Single(tag => tag.Key == "model").Value}";
            lock (steps) steps[model] = steps.GetValueOrDefault(model) + value;
        });
        listener.Start();
        using var first = new EngineMetrics(() => 0, () => 0, "metrics test, first");
        using var second = new EngineMetrics(() => 0, () => 0, "metrics test, second");
        first.Step();
        second.Step();
        second.Step();
        lock (steps) Assert.Equal((1, 2), (steps["metrics test, first"], steps["metrics test, second"]));
    }
}
