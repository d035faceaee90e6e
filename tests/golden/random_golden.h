/*
** random_golden.h: printed by print_golden.py with
** NumPy 1.24.2, scikit-learn 1.2.1 and matplotlib 3.6.3.
*/
#ifndef RANDOM_GOLDEN_H
#define RANDOM_GOLDEN_H

#include <math.h>
#include <stdint.h>

static const double golden_seed_samples[] = {
  0x1.18fe1565f12a8p-1, 0x1.6e2d4cf608733p-1, 0x1.349d66b6e894bp-1, 0x1.ab07d0ffa3c06p-2,
  0x1.70ce5f3baf051p-1, 0x1.dfb906661c000p-14, 0x1.7f8771e5f51ecp-2, 0x1.e6c4068bbd654p-1,
  0x1.76c7e8f1e6751p-1, 0x1.8fe69a3924820p-4, 0x1.d323d824032b1p-1, 0x1.93fc6f61af3f9p-1
};

static const double golden_list_samples[] = {
  0x1.b0580f98a7dbep-1, 0x1.84129978f9c1ap-1, 0x1.aeaa51052e978p-2, 0x1.383fbc97230c2p-1,
  0x1.c5fd27a5da181p-1, 0x1.e7c4d155e5af8p-2, 0x1.c7859838e64e3p-1, 0x1.9803044ad62b9p-1,
  0x1.c447f5fdf6c6ep-1, 0x1.3e0bc2d686300p-5, 0x1.230b5b634e306p-1, 0x1.fad5805ff839bp-1
};

static const double golden_gauss[] = {
  0x1.c9e38e3e13df2p+0, 0x1.befc703152c8ap-2, 0x1.8b40edd841de6p-4, -0x1.dd0ddb9948fd7p+0,
  -0x1.1c0ba72861dcdp-2, -0x1.6b45f017b0c89p-2, -0x1.52e8bb4fd608ap-4, -0x1.41063b930e7bfp-1,
  -0x1.66f55c571c5fbp-5
};

static const double golden_uniform[] = {
  0x1.abf442a8727dap+2, 0x1.596f35d23febap+1, 0x1.af64601106f60p+2, 0x1.129bae0649658p+2,
  0x1.083818996a0dbp+2
};

static const double golden_normal[] = {
  0x1.4b9cede2cee30p+3, 0x1.3d4a1cf1a0db8p+3, 0x1.42ee0af14b864p+3, 0x1.3d8f55cc2a702p+3,
  0x1.3c1ee0856640ap+3
};

static const char golden_mixture[] =
  "bd3298e2b2c93f0b8480bda5d77f6bec9197054eba8fa2bf31f1d899ce135bfa";

static const char golden_many_gauss[] =
  "7776e2b8e2df3d0fc322ab04480dec649684bcb1d5d83a892296af7004bb0647";

static const int64_t golden_ranges[] = {
  0, 10, -5, 5, 7, 8, 0, 2147483648, 0, 4294967295, 0, 4294967296, 0, 4294967297,
  -4611686018427387904, 4611686018427387904, INT64_MIN, 9223372036854775807, 0, 257
};

static const int64_t golden_integers[] = {
  4, 9, 6, 3, 3, 7, 2, 4, 2, 3, 4, 3, 7, 7, 7, 7, 7, 7, 2146978983, 119248870, 769786948,
  1583990192, 1304549247, 1420943751, 1636129708, 1687674368, 283194443, 2896227127, 1237575930,
  2887580678, 3906674451, 2980842940, 916483116, 1485942463, 1941857605, 3992293176, 1127788727,
  3656282402, 747550921, 3396303398, 4027087342, 1535344467, -1493941975798267647,
  4016831261656525200, -832887245742663777, 4441346780585241516, 2257599037232710396,
  4194810889243203863, -2473885725195916567, 6233486712359499200, 4955671795819206023,
  -3431192510931091364, 1339701004333548768, -4131165811431650972, 67, 219, 19, 4, 33, 123
};

static const int64_t golden_permutation[] = {
  7, 11, 6, 15, 18, 4, 12, 2, 13, 1, 16, 0, 14, 19, 8, 10, 5, 9, 17, 3
};

static const char golden_long_permutation[] =
  "27868db47dc9a87fc7ba3d753f785e44abd3867248b7af302a3e4c5fb14d528e";

static const int64_t golden_rows[] = {
  6, 7, 8, 15, 16, 17, 0, 1, 2, 12, 13, 14, 18, 19, 20, 3, 4, 5, 9, 10, 11
};

static const double golden_probabilities[] = {
  0x1.999999999999ap-4, 0x0.0p+0, 0x1.3333333333333p-2, 0x1.3333333333333p-3, 0x1.999999999999ap-5,
  0x1.0000000000000p-2, 0x1.3333333333333p-3
};

static const int64_t golden_choice[] = {
  6, 4, 6, 5, 6, 0, 3, 6, 5, 1, 6, 4
};

static const int64_t golden_choice_without[] = {
  7, 2, 6, 0, 4, 9, 3
};

static const int64_t golden_choice_p[] = {
  5, 6, 5, 2, 2, 6, 4, 6, 5, 4, 5, 5
};

static const int64_t golden_choice_without_p[] = {
  2, 5, 0, 3, 4, 6, 6, 5, 4, 0, 2, 3, 4, 2, 6, 3, 5, 0, 2, 3, 5, 0, 6, 4, 2, 0, 5, 3, 6, 4
};

static const double golden_after_choice[] = {
  0x1.2b18ae362af80p-8
};

static const double golden_log_arguments[] = {
  0x0.0000000000001p-1022, 0x0.0000400000000p-1022, 0x1.0000000000000p-1022, 0x1.56e1fc2f8f359p-997,
  0x1.4f8b588e368f1p-17, 0x1.999999999999ap-4, 0x1.0000000000000p-1, 0x1.6666666666666p-1,
  0x1.dffffffffffffp-1, 0x1.e000000000000p-1, 0x1.f0a3d70a3d70ap-1, 0x1.fffffffffffffp-1,
  0x1.0000000000000p+0, 0x1.0000000000001p+0, 0x1.07ae147ae147bp+0, 0x1.10902de00d1b7p+0,
  0x1.1096bb98c7e28p+0, 0x1.199999999999ap+0, 0x1.0000000000000p+1, 0x1.921fb54442d18p+1,
  0x1.4000000000000p+3, 0x1.81cd6c8b43958p+13, 0x1.7e43c8800759cp+996, 0x1.fffffffffffffp+1023
};

static const double golden_logs[] = {
  -0x1.74385446d71c3p+9, -0x1.686fc0af622d7p+9, -0x1.6232bdd7abcd2p+9, -0x1.5963447f87fb5p+9,
  -0x1.7069e2aa2aa5bp+3, -0x1.26bb1bbb55515p+1, -0x1.62e42fefa39efp-1, -0x1.6d3c324e13f50p-2,
  -0x1.08598b59e3a0fp-4, -0x1.08598b59e3a07p-4, -0x1.f30b2d0091d8ap-6, -0x1.0000000000000p-53,
  0x0.0p+0, 0x1.fffffffffffffp-53, 0x1.e44a9a3bed66bp-6, 0x1.00ca72a7e9045p-4, 0x1.012cedc7fa00ep-4,
  0x1.8663f793c46ccp-4, 0x1.62e42fefa39efp-1, 0x1.250d048e7a1bdp+0, 0x1.26bb1bbb55516p+1,
  0x1.2d79559791e31p+3, 0x1.5963447f87fb5p+9, 0x1.62e42fefa39efp+9
};

static const char golden_many_logs[] =
  "4ccb7b40c356b5ccaa33dd7c83cebb8cf677a7faf508077171a546d0180c4b2a";

#endif
