using Gemma3Pocket.Curriculum;

namespace Gemma3Pocket.Data;

/// <summary>Packs whole lessons into rows, first fit.</summary>
internal sealed class LessonPacker
{
    /// <summary>
    /// Prompts teach the language, answers the task. A third of the prompt's tokens with three times their weight is the same on average,
    /// and the output layer has less to do.
    /// </summary>
    private const float PromptWeight = 0.15f;
    private const int PromptShare = 3;

    private readonly int _rows;
    private readonly int _width;
    private readonly int[] _used;
    private readonly long[] _tokens;
    private readonly long[] _positions;
    private readonly int[] _reach;
    private readonly List<long> _selected = [];
    private readonly List<long> _targets = [];
    private readonly List<float> _weights = [];
    private readonly List<bool> _isAnswer = [];
    private readonly List<int> _lessons = [];
    private readonly Random? _random;
    private int _count;

    /// <param name="rows">Rows of the batch.</param>
    /// <param name="width">Tokens of a row.</param>
    /// <param name="random">Chooses the tokens of prompts that are trained on; null for answers only.</param>
    public LessonPacker(int rows, int width, Random? random = null)
    {
        (_rows, _width, _random) = (rows, width, random);
        _used = new int[rows];
        _tokens = new long[rows * width];
        _positions = new long[rows * width];
        _reach = new int[rows * width];
    }

    /// <summary>Adds a lesson to the first row with room for it; false where no row has room.</summary>
    public bool TryAdd(EncodedLesson lesson)
    {
        var length = lesson.Tokens.Length - 1;
        var row = Array.FindIndex(_used, used => used + length <= _width);
        if (row < 0)
            return false;
        var start = row * _width + _used[row];
        for (var i = 0; i < length; i++)
        {
            _tokens[start + i] = lesson.Tokens[i];
            _positions[start + i] = i;
            _reach[start + i] = i;
            var isAnswer = lesson.IsAnswer[i + 1];
            if (!isAnswer && _random?.Next(PromptShare) is not 0)
                continue;
            _selected.Add(start + i);
            _targets.Add(lesson.Tokens[i + 1]);
            _weights.Add(isAnswer ? 1 : PromptWeight * PromptShare);
            _isAnswer.Add(isAnswer);
            _lessons.Add(_count);
        }
        _used[row] += length;
        _count++;
        return true;
    }

    /// <summary>The rows as they are; the rest of each is padding.</summary>
    public Batch ToBatch() => new()
    {
        Rows = _rows,
        Tokens = _tokens,
        Positions = _positions,
        Reach = _reach,
        Selected = [.. _selected],
        Targets = [.. _targets],
        Weights = [.. _weights],
        IsAnswer = [.. _isAnswer],
        Lessons = [.. _lessons],
        TokenCount = _used.Sum(),
    };
}
