using Gemma3Pocket.Curriculum;
using Gemma3Pocket.Data;
using Gemma3Pocket.Model;
using static TorchSharp.torch;

namespace Gemma3Pocket.Training;

/// <summary>Examines a model on held-out lessons.</summary>
/// <remarks>
/// The right answer is fed in, and a lesson counts where every token of its last answer is the most likely one: then, and only then, would the
/// model have said it greedily. One pass for many lessons, and no generation.
/// </remarks>
internal sealed class Examiner
{
    private const ulong Seed = 4242;
    private const int Rows = 16;
    private readonly List<(Batch Batch, List<Skill> Lessons)> _batches = [];
    private readonly int _window;

    public Examiner(PocketVocabulary vocabulary, int lessonsPerSkill, int width, int window)
    {
        _window = window;
        var encoder = new LessonEncoder(vocabulary);
        var lessons = new CurriculumGenerator(Seed, LessonSplit.HeldOut);
        var packer = new LessonPacker(Rows, width);
        var skills = new List<Skill>();
        foreach (var skill in Enum.GetValues<Skill>())
        {
            for (var i = 0; i < lessonsPerSkill; i++)
            {
                var lesson = LastAnswerOnly(encoder.Encode(lessons.Next(skill)));
                if (lesson.Tokens.Length > width + 1)
                    continue;
                if (!packer.TryAdd(lesson))
                {
                    _batches.Add((packer.ToBatch(), skills));
                    packer = new LessonPacker(Rows, width);
                    skills = [];
                    packer.TryAdd(lesson);
                }
                skills.Add(skill);
            }
        }
        _batches.Add((packer.ToBatch(), skills));
    }

    /// <summary>Runs all lessons through the model.</summary>
    public ExamResult Examine(PocketModel model, Objective objective, Tensor weights)
    {
        var right = new Dictionary<Skill, int>();
        var all = new Dictionary<Skill, int>();
        var (loss, tokens) = (0.0, 0);
        using var noGradient = no_grad();
        foreach (var (batch, skills) in _batches)
        {
            using var scope = NewDisposeScope();
            using var tensors = new BatchTensors(batch, _window);
            var logits = model.Forward(weights, tensors);
            var hits = logits.argmax(-1).eq(tensors.Targets).data<bool>().ToArray();
            var losses = objective.Losses(logits, tensors).data<float>().ToArray();
            var failed = new HashSet<int>();
            for (var i = 0; i < hits.Length; i++)
            {
                loss += losses[i];
                tokens++;
                if (!hits[i])
                    failed.Add(batch.Lessons[i]);
            }
            for (var lesson = 0; lesson < skills.Count; lesson++)
            {
                all[skills[lesson]] = all.GetValueOrDefault(skills[lesson]) + 1;
                right[skills[lesson]] = right.GetValueOrDefault(skills[lesson]) + (failed.Contains(lesson) ? 0 : 1);
            }
        }
        return new ExamResult(loss / tokens, all.ToDictionary(pair => pair.Key, pair => (double)right[pair.Key] / pair.Value));
    }

    private static EncodedLesson LastAnswerOnly(EncodedLesson lesson)
    {
        var isAnswer = new bool[lesson.IsAnswer.Length];
        var last = Array.LastIndexOf(lesson.IsAnswer, true);
        for (var i = last; i >= 0 && lesson.IsAnswer[i]; i--)
            isAnswer[i] = true;
        return lesson with { IsAnswer = isAnswer };
    }
}
