using Gemma3Pocket.Data;
using Gemma3Pocket.Model;
using Gemma3Pocket.Tests.Support;
using Gemma3Pocket.Training;
using static TorchSharp.torch;

namespace Gemma3Pocket.Tests.Training;

public sealed class ObjectiveTests
{
    [Fact]
    public void Losses_TowardsATeacher_AreNoneForItselfAndPositiveOnceQuantized()
    {
        Libtorch.Require();
        var layout = new WeightLayout(PocketShape.Of(512));
        using var teacher = RandomModel.Weights(layout, 11);
        using var quantized = zeros_like(teacher);
        FakeQuantization.Apply(layout, teacher, quantized);
        using var model = new PocketModel(layout, PackedLessons.Width, isFast: false);
        using var batch = new BatchTensors(PackedLessons.Pack(PackedLessons.Create(512)), layout.Shape.SlidingWindow);
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var objective = new Objective(model, teacher);

        Assert.All(objective.Losses(model.Forward(teacher, batch), batch).data<float>().ToArray(), loss => Assert.Equal(0, loss, 1e-6f));
        Assert.All(objective.Losses(model.Forward(quantized, batch), batch).data<float>().ToArray(), loss => Assert.InRange(loss, 1e-6f, 10));
    }
}
