using Gemma3Pocket.Data;
using Gemma3Pocket.Model;
using static TorchSharp.torch;

namespace Gemma3Pocket.Training;

/// <summary>What a step makes smaller: cross entropy with the lessons, or with a teacher's probabilities.</summary>
/// <param name="model">The model; the teacher has the same shape.</param>
/// <param name="teacher">Weights of the teacher; null to learn from the lessons.</param>
internal sealed class Objective(PocketModel model, Tensor? teacher)
{
    /// <summary>Loss of every selected position.</summary>
    public Tensor Losses(Tensor logits, BatchTensors batch)
    {
        if (teacher is null)
            return nn.functional.cross_entropy(logits, batch.Targets, reduction: nn.Reduction.None);
        // Divergence and not entropy: it is 0 where the two agree, so that the log shows what quantization costs.
        Tensor expected;
        using (no_grad())
            expected = nn.functional.log_softmax(model.Forward(teacher, batch), -1);
        return (expected.exp() * (expected - nn.functional.log_softmax(logits, -1))).sum(-1);
    }
}
